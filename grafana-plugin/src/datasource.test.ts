import { CoreApp, DataQueryRequest, DataSourceInstanceSettings } from '@grafana/data';
import { setTemplateSrv, TemplateSrv } from '@grafana/runtime';
import { firstValueFrom } from 'rxjs';
import { DataSource } from './datasource';
import { LibrumOptions, LibrumQuery, VariableQuery } from './types';
import { VariableSupport } from './variables';

const values: Record<string, string | string[]> = { job: ['a1', 'b2'], kind: 'round', none: [] };

/** Fills variables in as Grafana does, with its formats. */
const templates = {
  getVariables: () => [],
  replace: (text = '', _vars?: unknown, format?: string | ((value: string | string[]) => string)) =>
    text.replace(/\$(\w+)|\$\{(\w+)\}/g, (whole, a, b) => {
      const value = values[a ?? b];
      if (value === undefined) {
        return whole;
      }
      return typeof format === 'function' ? format(value) : Array.isArray(value) ? value.join(',') : value;
    }),
} as unknown as TemplateSrv;

function open(): DataSource {
  setTemplateSrv(templates);
  return new DataSource({
    uid: 'u',
    id: 1,
    type: 'librum-datasource',
    name: 'n',
    jsonData: {},
  } as DataSourceInstanceSettings<LibrumOptions>);
}

describe('the data source', () => {
  it.each<[LibrumQuery, Partial<LibrumQuery>]>([
    [
      { refId: 'A', queryType: 'search', query: 'kind:$kind AND $__in(job, $job)', columns: ['time', '$none'] },
      { query: 'kind:"round" AND $__in(job, "a1","b2")', columns: ['time'] },
    ],
    [
      { refId: 'A', queryType: 'aggregate', query: '$__timeFilter', groupBy: ['$kind'] },
      { query: '$__timeFilter', groupBy: ['round'] },
    ],
    [{ refId: 'A', queryType: 'training', jobs: ['$job', 'c3'] }, { jobs: ['a1', 'b2', 'c3'] }],
    [{ refId: 'A', queryType: 'annotations', jobs: ['$none'] }, { jobs: [] }],
    [{ refId: 'A', queryType: 'blocks', interval: '1m' }, { interval: '1m' }],
    [{ refId: 'A', queryType: 'health' }, { queryType: 'health' }],
  ])('fills variables into %j', (query, want) => {
    expect(open().applyTemplateVariables(query, { __interval: { text: '1m', value: '1m' } })).toMatchObject(want);
  });

  it('begins with blocks, and with a series in alerts', () => {
    expect(open().getDefaultQuery(CoreApp.Dashboard)).toEqual({ queryType: 'blocks' });
    expect(open().getDefaultQuery(CoreApp.UnifiedAlerting)).toMatchObject({ queryType: 'aggregate' });
    expect(open().filterQuery({ refId: 'A' } as LibrumQuery)).toBe(false);
  });

  it('asks for the fields once, and again after an error', async () => {
    const source = open();
    const ask = jest
      .spyOn(source, 'getResource')
      .mockRejectedValueOnce(new Error('away'))
      .mockResolvedValue([{ name: 'kind', type: 'keyword', doc: '' }]);
    await expect(source.fields()).rejects.toThrow('away');
    await source.fields();
    await source.fields();
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it.each<[Partial<VariableQuery>, string, unknown]>([
    [{ of: 'jobs' }, 'jobs', undefined],
    [{}, 'jobs', undefined],
    [{ of: 'fields' }, 'fields', undefined],
    [{ of: 'values', field: 'state', query: 'kind:$kind' }, 'values', { field: 'state', query: 'kind:"round"' }],
  ])('lists %j for a variable', async (query, path, params) => {
    const source = open();
    const ask = jest.spyOn(source, 'getResource').mockResolvedValue([{ name: 'x', text: 'x', value: 'x' }]);
    const support = new VariableSupport(source);
    const request = {
      targets: [{ refId: 'V', ...query }],
      scopedVars: {},
    } as unknown as DataQueryRequest<VariableQuery>;
    const answer = await firstValueFrom(support.query(request));
    expect(answer.data).toMatchObject([{ text: 'x', value: 'x' }]);
    expect(ask.mock.calls[0][0]).toBe(path);
    expect(ask.mock.calls[0][1]).toEqual(params);
  });
});
