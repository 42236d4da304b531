import { DataSourceJsonData } from '@grafana/data';
import { DataQuery } from '@grafana/schema';

/** What an administrator sets; the URL stands in Grafana's own field. */
export interface LibrumOptions extends DataSourceJsonData {
  plainHTTP?: boolean;
  tlsAuthWithCACert?: boolean;
  tlsSkipVerify?: boolean;
  serverName?: string;
}

/** What only the back end sees. */
export interface LibrumSecrets {
  token?: string;
  tlsCACert?: string;
}

export type QueryType = 'search' | 'aggregate' | 'training' | 'blocks' | 'health' | 'annotations';

/** One condition of the builder. */
export interface Filter {
  field: string;
  op: FilterOp;
  value?: string;
}

export type FilterOp = 'is' | 'is not' | 'begins with' | 'exists' | '>=' | '>' | '<=' | '<';

/** A query in the language of the node; the back end reads `query` alone. */
export interface WithText extends DataQuery {
  query?: string;
  editor?: 'builder' | 'code';
  /** What the builder made `query` of. */
  filters?: Filter[];
  /** By which the query is narrowed to the panel's times: time if missing, "none" for not at all. */
  timeField?: string;
}

export interface SearchQuery extends WithText {
  queryType: 'search';
  format?: 'table' | 'logs';
  columns?: string[];
  sort?: string;
  order?: 'desc' | 'asc';
  limit?: number;
}

export type MetricOp = 'count' | 'sum' | 'min' | 'max' | 'avg' | 'cardinality' | 'percentiles';

export interface Metric {
  op: MetricOp;
  field?: string;
  percent?: number;
}

export interface AggregateQuery extends WithText {
  queryType: 'aggregate';
  format?: 'time_series' | 'table';
  metrics?: Metric[];
  groupBy?: string[];
  size?: number;
  interval?: string;
}

export interface TrainingQuery extends DataQuery {
  queryType: 'training';
  format?: 'time_series' | 'table';
  jobs?: string[];
  metrics?: string[];
  by?: 'round' | 'peer';
  axis?: 'time' | 'round';
  stream?: boolean;
}

export interface BlocksQuery extends DataQuery {
  queryType: 'blocks';
  format?: 'time_series' | 'table';
  metrics?: string[];
  interval?: string;
  limit?: number;
  stream?: boolean;
}

export interface HealthQuery extends DataQuery {
  queryType: 'health';
  format?: 'numbers' | 'table';
}

export interface AnnotationsQuery extends DataQuery {
  queryType: 'annotations';
  what?: 'rounds' | 'blocks';
  jobs?: string[];
}

export type LibrumQuery = SearchQuery | AggregateQuery | TrainingQuery | BlocksQuery | HealthQuery | AnnotationsQuery;

/** What a dashboard's variable lists. */
export interface VariableQuery extends DataQuery {
  of: 'jobs' | 'contracts' | 'accounts' | 'fields' | 'values';
  /** Of values. */
  field?: string;
  query?: string;
}

/** A field of the node's documents. */
export interface Field {
  name: string;
  type: 'keyword' | 'text' | 'integer' | 'number' | 'time' | 'amount' | 'flag';
  many?: boolean;
  doc: string;
}

/** Something to choose. */
export interface Choice {
  text: string;
  value: string;
}
