// Who may do what to a cluster, and why not everything is offered to the one who looks.
import type { AccessView, Deed } from '../../core/access.ts';
import { capital } from '../live/words.ts';
import { Loading } from '../parts/loading.tsx';
import type { Resource } from '../live/resource.ts';
import { Icon } from '../parts/icons.tsx';

const WORDS: Readonly<Record<Deed, string>> = {
  deploy: 'deploy and retry',
  rollback: 'roll back',
  'release-hold': 'release a hold',
  lock: 'lock and unlock',
  pause: 'pause, resume, leave servers out',
  abort: 'abort',
  settle: 'settle a migration',
  approve: 'approve and reject',
};

/** One line with the reasons behind it; nothing for who may everything. */
export function NotYours({ access, deeds }: { readonly access: AccessView | null; readonly deeds: readonly Deed[] }) {
  const refused = (access?.deeds ?? []).filter(({ deed, refusal }) => refusal !== null && deeds.includes(deed));
  if (access === null || refused.length === 0) return null;
  return (
    <details class="not-yours">
      <summary>
        <Icon name="hold" /> {access.you.name}, you may not {refused.map(({ deed }) => WORDS[deed]).join('; ')}. Why?
      </summary>
      <ul>
        {refused.map(({ deed, refusal }) => (
          <li key={deed}>
            <strong>{capital(WORDS[deed])}:</strong> {refusal}
          </li>
        ))}
      </ul>
    </details>
  );
}

export function WhoMay({ access }: { readonly access: Resource<AccessView> }) {
  const view = access.value.value;
  if (view === null) return <Loading what="list of who may do what" failure={access.failure.value} />;
  const hasRules = view.deeds.some(({ who }) => who !== null);
  return (
    <>
      <p class="muted">
        {hasRules
          ? 'Who has the role and is meant by a rule of “permissions”. The holder of the daemon’s own token may everything.'
          : 'There are no rules in “permissions”: the role alone decides, and whoever can push to the branch deploys.'}
      </p>
      <div class="scroller" tabIndex={0} role="region" aria-label="Who may do what">
        <table class="table who-may">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">Least role</th>
              {hasRules && <th scope="col">Allowed by a rule</th>}
              <th scope="col">You ({view.you.role})</th>
            </tr>
          </thead>
          <tbody>
            {view.deeds.map(({ deed, role, who, refusal }) => (
              <tr key={deed}>
                <th scope="row">{capital(WORDS[deed])}</th>
                <td>{role}</td>
                {hasRules && <td>{who === null || who.length === 0 ? 'nobody' : who.join(', ')}</td>}
                <td class={`who-may-you ${refusal === null ? 'tone-ok' : 'tone-hold'}`}>
                  <Icon name={refusal === null ? 'ok' : 'hold'} /> {refusal === null ? 'yes' : `no: ${refusal}`}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p>
        {view.approvals === null
          ? 'Deployments need nobody’s approval.'
          : `A deployment waits until ${view.approvals.needed} of these ${view.approvals.needed === 1 ? 'has' : 'have'} approved it: ${view.approvals.by.join(', ')}. Nobody approves their own.`}
      </p>
    </>
  );
}
