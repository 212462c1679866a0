// Asking before something changes: what is live now, what will be, and one button that says what it does.
import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { messageOf } from '../live/api.ts';
import { announce } from './announcer.tsx';

export type Question = {
  readonly title: string;
  readonly body: ComponentChildren;
  /** The word on the button. */
  readonly confirm: string;
  readonly isDangerous?: boolean;
  /** A text that is asked for; its value goes to `act`. */
  readonly input?: { readonly label: string; readonly value: string };
  /** Returns the sentence to show. What it rejects with is shown in the dialog, which stays. */
  readonly act: (text: string) => Promise<string>;
};

const question = signal<Question | null>(null);
const failure = signal<string | null>(null);
const isBusy = signal(false);

export function askFirst(next: Question): void {
  failure.value = null;
  isBusy.value = false;
  question.value = next;
}

export const isDialogOpen = (): boolean => question.peek() !== null;

export function Dialog() {
  const element = useRef<HTMLDialogElement>(null);
  const current = question.value;
  useEffect(() => {
    if (current !== null && element.current?.open === false) element.current.showModal();
  }, [current]);
  if (current === null) return null;
  const close = (): void => {
    element.current?.close();
    question.value = null;
  };
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (isBusy.value) return;
    const text = new FormData(event.currentTarget as HTMLFormElement).get('text');
    isBusy.value = true;
    try {
      announce(await current.act(typeof text === 'string' ? text : ''));
      close();
    } catch (error) {
      failure.value = messageOf(error);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <dialog ref={element} class="dialog" aria-labelledby="dialog-title" onCancel={close} onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="dialog-title">{current.title}</h2>
        <div class="dialog-body">{current.body}</div>
        {current.input !== undefined && (
          <label class="field">
            {current.input.label}
            <input name="text" defaultValue={current.input.value} autoComplete="off" maxLength={300} />
          </label>
        )}
        {failure.value !== null && (
          <p class="note tone-bad" role="alert">
            {failure.value}
          </p>
        )}
        <div class="dialog-actions">
          <button type="button" class="button" onClick={close}>
            Cancel
          </button>
          <button
            type="submit"
            class={`button ${current.isDangerous === true ? 'button-danger' : 'button-primary'}`}
            disabled={isBusy.value}
          >
            {isBusy.value ? 'One moment…' : current.confirm}
          </button>
        </div>
      </form>
    </dialog>
  );
}
