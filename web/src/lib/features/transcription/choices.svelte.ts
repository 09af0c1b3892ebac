// What can be chosen for a transcription: languages and models.
import { request } from '$lib/api/client';
import type { Model } from '$lib/api/types';
import { languageName } from '$lib/i18n/format';
import type { Choice } from '$lib/ui/Select.svelte';

const CODES =
  'af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh';

/** The languages that the recogniser knows, by name. */
export function languageChoices(): Choice[] {
  return CODES.split(' ')
    .map((code) => ({ value: code, label: languageName(code === 'jw' ? 'jv' : code) }))
    .sort((a, b) => a.label.localeCompare(b.label));
}

class ModelChoices {
  list = $state<Choice[]>([]);

  async load(): Promise<void> {
    if (this.list.length) return;
    try {
      const models = await request<Model[]>('GET', '/models');
      this.list = models
        .filter((model) => isRecogniser(model) && model.state === 'ready')
        .map((model) => ({ value: model.name, label: model.name }));
    } catch {
      // Without the list the default model is used, which is what most people want.
    }
  }
}

export function isRecogniser(model: Model): boolean {
  return model.purpose === 'recognition';
}

export const modelChoices = new ModelChoices();
