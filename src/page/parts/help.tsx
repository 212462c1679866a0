// The list of keys, behind `?`.
import { useEffect, useRef } from 'preact/hooks';
import { isHelpOpen } from './keyboard.ts';

const KEYS: readonly (readonly [keys: string, meaning: string])[] = [
  ['/', 'Filter'],
  ['j k', 'Next and previous row'],
  ['Enter', 'Open the row'],
  ['.', 'To the actions'],
  ['g o', 'Clusters'],
  ['g q', 'Queue'],
  ['g d', 'Deliveries'],
  ['g s', 'Statistics'],
  ['g a', 'Audit'],
  ['Esc', 'Close, leave a field'],
  ['?', 'This list'],
];

export function Help() {
  const element = useRef<HTMLDialogElement>(null);
  const isOpen = isHelpOpen.value;
  useEffect(() => {
    if (isOpen) element.current?.showModal();
    else element.current?.close();
  }, [isOpen]);
  return (
    <dialog ref={element} class="dialog" aria-labelledby="help-title" onClose={() => (isHelpOpen.value = false)}>
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([keys, meaning]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">No key changes anything by itself: actions are asked about first.</p>
      <form method="dialog" class="dialog-actions">
        <button class="button">Close</button>
      </form>
    </dialog>
  );
}
