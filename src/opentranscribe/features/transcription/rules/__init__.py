"""Pure decisions about words and voices: no input or output, so that they can be tested by law.

``tokens`` times words, ``assignment`` gives them speakers, ``cleanup`` makes the result
consistent, ``voices`` compares voiceprints.
"""
