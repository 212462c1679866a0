// A visitor: asks a page again and again, each time over a new connection, and remembers every answer with its time.
import { request } from 'node:http';

export type Answer = {
  /** When the request was sent and when the answer was whole; milliseconds, as performance.now(). */
  readonly asked: number;
  readonly answered: number;
  /** 0: there was no whole answer; the text says why. */
  readonly status: number;
  readonly text: string;
};

export type Visitor = { readonly answers: readonly Answer[]; stop(): Promise<readonly Answer[]> };

/** `at a time`: how many requests are under way. */
export function startVisitor(url: string, atATime = 2): Visitor {
  const answers: Answer[] = [];
  let isOver = false;
  const visit = async (): Promise<void> => {
    while (!isOver) {
      answers.push(await ask(url));
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  };
  const visits = Promise.all(Array.from({ length: atATime }, visit));
  return {
    answers,
    stop: async () => {
      isOver = true;
      await visits;
      return answers;
    },
  };
}

/** One request. Never rejects. */
export function ask(url: string): Promise<Answer> {
  const asked = performance.now();
  return new Promise((resolve) => {
    const done = (status: number, text: string): void => resolve({ asked, answered: performance.now(), status, text: text.trim() });
    const sent = request(url, { agent: false, timeout: 10_000 }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('error', (error) => done(0, error.message));
      response.on('end', () => done(response.statusCode ?? 0, text));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer within 10 s')));
    sent.on('error', (error) => done(0, error.message));
    sent.end();
  });
}
