// `deliveries`: what hooks and webhooks told, and why something happened or not; `deliveries replay ID`: one of them once more.
import { visible } from '../core/escape.ts';
import type { DeliveryView } from '../core/views.ts';
import { CommandFailure, EXIT } from './failure.ts';
import type { Output } from './output.ts';
import type { Session } from './session.ts';
import { table } from './table.ts';
import type { Cell } from './table.ts';
import { ago } from './words.ts';

export async function deliveries({ api, output }: Session, repository: string | undefined, limit: number): Promise<number> {
  const answer = await api().deliveries({ repository, limit });
  output.result(answer, () => lines(answer.deliveries, output));
  return EXIT.done;
}

/** `id`: whole, or a beginning that fits one of the newest deliveries only. */
export async function replayDelivery({ api, output }: Session, id: string, repository: string | undefined): Promise<number> {
  const found = await deliveryNamed(api(), id, repository);
  const answer = await api().replay(found.repository, found.id);
  output.result(answer, () => answer.lines.map(visible));
  return EXIT.done;
}

/** So many are searched for a beginning. */
const SEARCHED = 1000;

async function deliveryNamed(
  api: ReturnType<Session['api']>,
  id: string,
  repository: string | undefined,
): Promise<{ repository: string; id: string }> {
  const all = (await api.deliveries({ repository, limit: SEARCHED })).deliveries;
  const exact = all.filter((one) => one.id === id);
  const fitting = exact.length > 0 ? exact : all.filter((one) => one.id.startsWith(id));
  const [only, other] = fitting;
  if (only !== undefined && other === undefined) return only;
  // An old one, which is not among those that were searched: the daemon knows.
  if (only === undefined && repository !== undefined) return { repository, id };
  const what =
    only === undefined
      ? `There is no delivery ${id} among the newest ${SEARCHED}. See: lockstep deliveries`
      : `Several deliveries are called ${id}: ${fitting
          .slice(0, 5)
          .map((one) => `${one.id} of ${one.repository}`)
          .join(', ')}. Write more of the id, or say --repository`;
  throw new CommandFailure('not-found', EXIT.failed, what);
}

function lines(all: readonly DeliveryView[], output: Output): string[] {
  if (all.length === 0) {
    return ['Nothing was received yet. Is there a hook? lockstep hooks install PATH, or for a forge: lockstep hooks secret REPOSITORY'];
  }
  const columns = [
    { title: 'RECEIVED' },
    { title: 'REPOSITORY' },
    { title: 'FROM' },
    { title: 'BY', shrink: true },
    { title: 'ID', shrink: true },
    { title: 'OUTCOME' },
  ];
  const rows = all.map((one): Cell[] => [ago(one.receivedAt), one.repository, one.source, one.actor ?? '', one.id, one.summary]);
  return table(columns, rows, output.width(), output.palette.faint);
}
