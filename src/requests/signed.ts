// Signed commits: where a cluster names keys that it trusts, nothing else is deployed there.
import type { Cluster } from '../core/cluster.ts';
import type { VersionControl } from '../core/ports.ts';

/** Why the revision must not be deployed; `null`: it is signed, or needs no signature. Rejects as `VersionControl.signer`. */
export async function signatureProblem(
  versionControl: VersionControl,
  { name, allowedSigners }: Cluster,
  branch: string,
  revision: string,
  signal: AbortSignal,
): Promise<string | null> {
  if (allowedSigners === undefined) return null;
  if ((await versionControl.signer(branch, revision, allowedSigners, signal)) !== null) return null;
  const short = revision.length > 12 ? revision.slice(0, 8) : revision;
  return `${short} is not signed by anybody that ${name} trusts ("allowedSigners"): sign the commit with ssh (git commit -S) and push again`;
}
