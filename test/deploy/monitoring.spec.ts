import { describe, expect, it } from '@jest/globals';
import { createMetrics } from '@darkroom/observability';
import { parse } from 'yaml';
import { readCompose } from './compose-file.js';
import { metricsIn, readDashboard, readRules, readText } from './monitoring-files.js';

const metrics = createMetrics().registry.getMetricsAsArray();
/** Names of the series that a process shows; a histogram's are its three. */
const exported = metrics.flatMap(({ name, type }) =>
  String(type) === 'histogram' ? ['_bucket', '_sum', '_count'].map((suffix) => name + suffix) : [name],
);
const dashboard = readDashboard();
const rules = readRules();
const recorded = rules.flatMap(({ record }) => record ?? []);
const panels = dashboard.panels.filter(({ type }) => type !== 'row');
const expressions = [
  ...panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
  ...dashboard.templating.list.map(({ query }) => query.query),
  ...rules.map(({ expr }) => expr),
];
const operations = readText('docs/operations.md');
const compose = readCompose({
  POSTGRES_PASSWORD: 'x',
  AUTH_JWT_SECRET: 'x',
  ADMIN_API_KEY: 'x',
  GRAFANA_ADMIN_PASSWORD: 'x',
  REPLICATE_API_TOKEN: 'x',
});

describe('dashboard and rules', () => {
  it('ask for metrics and recorded values that exist', () => {
    const asked = [...new Set(expressions.flatMap(metricsIn))];
    expect(asked.length).toBeGreaterThan(20);
    expect(asked.filter((name) => !exported.includes(name) && !recorded.includes(name))).toEqual([]);
  });

  it('leave out no metric of Darkroom and no recorded value', () => {
    const asked = new Set(expressions.flatMap(metricsIn).map((name) => name.replace(/_(bucket|sum|count)$/, '')));
    const ours = metrics.map(({ name }) => name).filter((name) => name.startsWith('darkroom_'));
    expect(ours.filter((name) => !asked.has(name))).toEqual([]);
    expect(recorded.filter((name) => !expressions.some((expr) => metricsIn(expr).includes(name)))).toEqual([]);
  });
});

describe('the dashboard', () => {
  it('gives every panel an id and a place of its own', () => {
    expect(new Set(dashboard.panels.map(({ id }) => id)).size).toBe(dashboard.panels.length);
    const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
  });

  it('asks the data source that is provisioned', () => {
    const { datasources } = parse(readText('deploy/grafana/provisioning/datasources/prometheus.yml')) as {
      datasources: { uid: string; url: string }[];
    };
    const uids = panels.flatMap(({ datasource, targets = [] }) => [
      datasource?.uid,
      ...targets.map((target) => target.datasource.uid),
    ]);
    expect(new Set(uids)).toEqual(new Set(datasources.map(({ uid }) => uid)));
    expect(datasources[0]?.url).toBe('http://prometheus:9090');
  });

  it('is where Grafana looks for dashboards', () => {
    const { providers } = parse(readText('deploy/grafana/provisioning/dashboards/darkroom.yml')) as {
      providers: { options: { path: string } }[];
    };
    const folder = providers[0]?.options.path;
    expect(compose.services.grafana?.volumes).toContain(`./deploy/grafana/dashboards:${folder}:ro`);
    expect(compose.services.grafana?.environment.GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH).toBe(
      `${folder}/darkroom.json`,
    );
  });

  it('is explained panel by panel in docs/operations.md', () => {
    expect(panels.map(({ title }) => title).filter((title) => !operations.includes(`| ${title}`))).toEqual([]);
  });
});

describe('alerts', () => {
  const alerts = rules.filter(({ alert }) => alert !== undefined);

  it.each(alerts.map((rule) => [rule.alert!, rule] as const))('%s says how bad it is and what to do', (name, rule) => {
    expect(['warning', 'critical']).toContain(rule.labels?.severity);
    expect(rule.annotations?.summary).toBeTruthy();
    const section = /See (\w+) in docs\/operations\.md\.$/.exec(rule.annotations?.description ?? '')?.[1];
    expect(operations).toContain(`### ${section}\n`);
    expect(operations).toContain(name);
  });
});
