// What the server has answered already: with some documents come the answers to what the page is going to ask first.

const answers = read();

/** The answer to this path (after `/api/v1/`), for who asks first; `undefined`: it has to be asked for. */
export function takeAnswer(path: string): unknown {
  const answer = answers.get(path);
  answers.delete(path);
  return answer;
}

function read(): Map<string, unknown> {
  const text = document.getElementById('answers')?.textContent;
  return new Map(Object.entries(text == null ? {} : (JSON.parse(text) as Record<string, unknown>)));
}
