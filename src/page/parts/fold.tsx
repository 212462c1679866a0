// A part of a screen that is asked for and drawn when somebody opens it.
import { useSignal } from '@preact/signals';
import type { ComponentChildren } from 'preact';

export function Fold({ title, children }: { readonly title: string; readonly children: () => ComponentChildren }) {
  const isOpen = useSignal(false);
  return (
    <details class="fold" onToggle={(event) => (isOpen.value = event.currentTarget.open)}>
      <summary>
        <h2>{title}</h2>
      </summary>
      {isOpen.value && children()}
    </details>
  );
}
