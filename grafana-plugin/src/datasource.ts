import { CoreApp, DataSourceInstanceSettings, ScopedVars } from '@grafana/data';
import { DataSourceWithBackend, getTemplateSrv } from '@grafana/runtime';
import { fillIn } from './language';
import { Choice, Field, LibrumOptions, LibrumQuery, VariableQuery } from './types';
import { VariableSupport } from './variables';

export class DataSource extends DataSourceWithBackend<LibrumQuery, LibrumOptions> {
  private fieldList?: Promise<Field[]>;

  constructor(settings: DataSourceInstanceSettings<LibrumOptions>) {
    super(settings);
    this.variables = new VariableSupport(this);
    this.annotations = {
      getDefaultQuery: () => ({ refId: 'Anno', queryType: 'annotations', what: 'rounds' }),
    };
  }

  getDefaultQuery(app: CoreApp): Partial<LibrumQuery> {
    return app === CoreApp.UnifiedAlerting || app === CoreApp.CloudAlerting
      ? { queryType: 'aggregate', editor: 'code', query: 'kind:transaction' }
      : { queryType: 'blocks' };
  }

  /** Fills variables in. Macros stay: the back end expands them, for alerts as well. */
  applyTemplateVariables(query: LibrumQuery, scopedVars: ScopedVars): LibrumQuery {
    const { __interval, __interval_ms, ...vars } = scopedVars;
    const plain = (text: string) => getTemplateSrv().replace(text, vars);
    const list = (texts?: string[]) =>
      texts
        ?.flatMap((text) => getTemplateSrv().replace(text, vars, 'csv').split(','))
        .map((text) => text.trim())
        .filter((text) => text !== '');
    switch (query.queryType) {
      case 'search':
        return { ...query, query: this.fill(query.query, vars), columns: list(query.columns) };
      case 'aggregate':
        return {
          ...query,
          query: this.fill(query.query, vars),
          groupBy: list(query.groupBy),
          interval: query.interval && plain(query.interval),
        };
      case 'training':
        return { ...query, jobs: list(query.jobs), metrics: list(query.metrics) };
      case 'blocks':
        return { ...query, metrics: list(query.metrics), interval: query.interval && plain(query.interval) };
      case 'annotations':
        return { ...query, jobs: list(query.jobs) };
      default:
        return query;
    }
  }

  fill(text: string | undefined, vars: ScopedVars): string | undefined {
    return text && getTemplateSrv().replace(text, vars, fillIn);
  }

  filterQuery(query: LibrumQuery): boolean {
    return Boolean(query.queryType);
  }

  /** What the node's documents have; asked once. */
  fields(): Promise<Field[]> {
    this.fieldList ??= this.getResource<Field[]>('fields').catch((error) => {
      this.fieldList = undefined; // asked again the next time
      throw error;
    });
    return this.fieldList;
  }

  jobs(): Promise<Choice[]> {
    return this.getResource<Choice[]>('jobs');
  }

  metrics(job?: string): Promise<Choice[]> {
    return this.getResource<Choice[]>('metrics', job && !job.includes('$') ? { job } : undefined);
  }

  values(field: string, query?: string): Promise<Choice[]> {
    return this.getResource<Choice[]>('values', { field, ...(query ? { query } : {}) });
  }

  /** What a variable can be. */
  async choices(query: VariableQuery, vars: ScopedVars): Promise<Choice[]> {
    switch (query.of) {
      case 'fields':
        return (await this.fields()).map(({ name }) => ({ text: name, value: name }));
      case 'values':
        return query.field ? this.values(query.field, this.fill(query.query, vars)) : [];
      default:
        return this.getResource<Choice[]>(query.of ?? 'jobs');
    }
  }
}
