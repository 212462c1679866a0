// Dark or light: as the system says, until somebody decides otherwise for this browser.
import { effect, signal } from '@preact/signals';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'lockstep-theme';

export const theme = signal<Theme>(read());
const prefersDark = matchMedia('(prefers-color-scheme: dark)');
export const isDark = signal(false);

export function startTheme(): void {
  const apply = (): void => {
    isDark.value = theme.value === 'dark' || (theme.value === 'system' && prefersDark.matches);
    document.documentElement.dataset['theme'] = isDark.value ? 'dark' : 'light';
  };
  prefersDark.addEventListener('change', apply);
  effect(apply);
}

/** To the other one of what is seen now. */
export function switchTheme(): void {
  theme.value = isDark.peek() ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // Then it holds until the page is loaded again.
  }
}

function read(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === 'dark' || kept === 'light' ? kept : 'system';
  } catch {
    return 'system';
  }
}
