"""Recordings on their way in and out: resumable uploads, streaming, waveform, deletion.

Owns ``upload`` and the birth and death of ``media_file`` rows; everything else about a file belongs
to the features above. Emits FileAdded and FileDeleted in the transaction that adds or deletes.
Jobs: ``finish_pending`` and ``expire_uploads``, for start-up and the sweeper.
"""
