// What this browser remembers about how the page should look and behave.
const STORAGE_KEY = 'opentr.preferences';

export interface Preferences {
  theme: 'system' | 'light' | 'dark';
  layout: 'grid' | 'rows';
  singleKeys: boolean;
  rewindOnResume: boolean;
  pauseWhileTyping: boolean;
  follow: boolean;
  rate: number;
  volume: number;
  textSize: number;
  keys: Record<string, string>;
}

const DEFAULTS: Preferences = {
  theme: 'system',
  layout: 'rows',
  singleKeys: true,
  rewindOnResume: false,
  pauseWhileTyping: true,
  follow: true,
  rate: 1,
  volume: 1,
  textSize: 1,
  keys: {}
};

function stored(): Preferences {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(STORAGE_KEY) ?? '{}');
    return { ...DEFAULTS, ...(kept as Partial<Preferences>) };
  } catch {
    return { ...DEFAULTS };
  }
}

class PreferenceStore {
  current = $state<Preferences>(stored());

  set<K extends keyof Preferences>(name: K, value: Preferences[K]): void {
    this.current[name] = value;
    try {
      localStorage.setItem(STORAGE_KEY, JSON.stringify(this.current));
    } catch {
      // A full or forbidden storage only means that the choice is not remembered.
    }
    if (name === 'theme') this.applyTheme();
  }

  applyTheme(): void {
    const root = document.documentElement;
    if (this.current.theme === 'system') delete root.dataset.theme;
    else root.dataset.theme = this.current.theme;
  }
}

export const preferences = new PreferenceStore();
