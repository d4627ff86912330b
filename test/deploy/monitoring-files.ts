import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from './compose-file.js';

export interface Target {
  readonly refId: string;
  readonly datasource: { readonly uid: string };
  readonly expr: string;
}

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: { readonly uid: string };
  /** None in a row. */
  readonly targets?: readonly Target[];
}

export interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly query: { readonly query: string } }[];
  };
}

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: { readonly summary?: string; readonly description?: string };
}

export const readText = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

export const readDashboard = (): Dashboard =>
  JSON.parse(readText('deploy/grafana/dashboards/darkroom.json')) as Dashboard;

/** The rules of both files, in their order. */
export function readRules(): Rule[] {
  return ['rules.yml', 'alerts.yml'].flatMap((file) => {
    const { groups } = parse(readText(`deploy/prometheus/${file}`)) as { groups: { rules: Rule[] }[] };
    return groups.flatMap(({ rules }) => rules);
  });
}

/** Metrics of the processes and recorded values that an expression asks for; not Prometheus's own `up` and `ALERTS`. */
export function metricsIn(expr: string): string[] {
  return expr.replace(/"[^"]*"/g, '').match(/\b(darkroom[_:]|process_|nodejs_)[a-z0-9_:]+/g) ?? [];
}
