// GET /metrics: numbers for Prometheus (text format 0.0.4), computed from the overview and the newest deployments.
import type { Request, Response } from 'express';
import { seesAll } from '../core/actor.ts';
import type { Actor } from '../core/actor.ts';
import type { DeploymentView, OverviewView } from '../core/views.ts';
import type { Refusals } from './refusals.ts';
import type { Context } from './route.ts';
import { visibleDeployments, visibleOverview } from './visible.ts';

/** Enough to see a trend, few enough to be cheap at every scrape. */
const NEWEST = 50;

export async function showMetrics({ application, refusals }: Context, _request: Request, response: Response, actor: Actor): Promise<void> {
  const [overview, newest] = await Promise.all([
    visibleOverview(application, actor),
    visibleDeployments(application, { limit: NEWEST }, actor),
  ]);
  response.type('text/plain; version=0.0.4; charset=utf-8');
  response.send(
    metricsText(overview, newest, application.lastEvent(), process.memoryUsage().rss) + (seesAll(actor) ? refusalsText(refusals) : ''),
  );
}

/** `memory` in bytes. */
export function metricsText(overview: OverviewView, newest: readonly DeploymentView[], lastEvent: number, memory: number): string {
  const states = overview.clusters.map(({ cluster, state }) => ({ labels: { cluster, state }, value: 1 }));
  const behind = overview.clusters.map(({ cluster, servers }) => ({
    labels: { cluster },
    value: servers.filter(({ state }) => state === 'behind' || state === 'unreachable').length,
  }));
  return [
    family('lockstep_info', 'gauge', 'The version that runs.', [{ labels: { version: overview.version }, value: 1 }]),
    family(
      'lockstep_clusters',
      'gauge',
      'Clusters by state.',
      counted(
        'state',
        overview.clusters.map(({ state }) => state),
      ),
    ),
    family('lockstep_cluster_state', 'gauge', 'The state each cluster is in.', states),
    family('lockstep_servers_behind', 'gauge', "Servers that do not serve their cluster's release: behind or unreachable.", behind),
    family(
      'lockstep_servers_drifted',
      'gauge',
      'Servers that were seen to differ from what they were given.',
      overview.clusters.map(({ cluster, drifted }) => ({ labels: { cluster }, value: drifted.length })),
    ),
    family('lockstep_deployment_newest', 'gauge', 'Number of the newest deployment.', [{ labels: {}, value: newest[0]?.number ?? 0 }]),
    family(
      'lockstep_deployments_newest',
      'gauge',
      `The newest ${NEWEST} deployments by result.`,
      counted(
        'result',
        newest.map(({ result }) => result ?? 'running'),
      ),
    ),
    family('lockstep_journal_events_total', 'counter', 'Events in the journal.', [{ labels: {}, value: lastEvent }]),
    family('lockstep_store_problem', 'gauge', '1: the journal cannot be written.', [
      { labels: {}, value: overview.storeProblem === null ? 0 : 1 },
    ]),
    family('lockstep_configuration_problem', 'gauge', '1: the configuration file is not valid; an older one is in force.', [
      { labels: {}, value: overview.configurationProblem === null ? 0 : 1 },
    ]),
    family('process_resident_memory_bytes', 'gauge', 'Memory of the daemon.', [{ labels: {}, value: memory }]),
  ].join('');
}

/** `repository` empty: the address named none that is configured. */
const refusalsText = (refusals: Refusals): string =>
  family(
    'lockstep_notices_refused_total',
    'counter',
    'Notices at /hooks that were answered with 401.',
    refusals.counts().map(({ repository, reason, count }) => ({ labels: { repository, reason }, value: count })),
  );

type Sample = { readonly labels: Readonly<Record<string, string>>; readonly value: number };

function family(name: string, type: 'gauge' | 'counter', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(({ labels, value }) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${pairs.length === 0 ? '' : `{${pairs.join(',')}}`} ${value}\n`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function counted(label: string, values: readonly string[]): Sample[] {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].map(([text, value]) => ({ labels: { [label]: text }, value }));
}

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
