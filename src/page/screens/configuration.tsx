// What the configuration says of a cluster, as it is in force. Secrets are named by where they are.
import type { ConfigurationView } from '../../core/insight.ts';
import { Loading } from '../parts/loading.tsx';
import { useResource } from '../parts/use-resource.ts';
import { When } from '../parts/when.tsx';

export function Configuration({ cluster }: { readonly cluster: string }) {
  const resource = useResource<ConfigurationView>(
    `clusters/${encodeURIComponent(cluster)}/configuration`,
    ({ type }) => type === 'configuration-loaded',
  );
  const view = resource.value.value;
  if (view === null) return <Loading what="configuration" failure={resource.failure.value} />;
  return (
    <>
      <p class="muted">
        Loaded <When at={view.loadedAt} />, SHA-256 <code title={view.hash}>{view.hash.slice(0, 12)}</code>
      </p>
      {view.problem !== null && (
        <p class="note tone-bad">The file has a problem now; this older configuration stays in force: {view.problem}</p>
      )}
      <pre class="command" tabIndex={0}>
        <code>{JSON.stringify({ branch: view.branch, ...view.settings }, null, 2)}</code>
      </pre>
    </>
  );
}
