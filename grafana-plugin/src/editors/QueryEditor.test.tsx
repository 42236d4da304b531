import { setTemplateSrv, TemplateSrv } from '@grafana/runtime';
import { render, screen, waitFor } from '@testing-library/react';
import React from 'react';
import { DataSource } from '../datasource';
import { QUERY_TYPES } from '../queryTypes';
import { Field, LibrumQuery } from '../types';
import { fieldsFor } from './AggregateEditor';
import { QueryEditor } from './QueryEditor';
import { suggestions } from './QueryText';

const fields: Field[] = [
  { name: 'kind', type: 'keyword', doc: 'what it is about' },
  { name: 'time', type: 'time', doc: 'when' },
  { name: 'accuracy', type: 'number', doc: 'claim' },
];

const datasource = {
  fields: () => Promise.resolve(fields),
  jobs: () => Promise.resolve([{ text: 'job one', value: 'a1' }]),
  metrics: () => Promise.resolve([{ text: 'accuracy', value: 'accuracy' }]),
  values: () => Promise.resolve([{ text: 'round', value: 'round' }]),
} as unknown as DataSource;

beforeAll(() => setTemplateSrv({ getVariables: () => [{ name: 'job' }] } as unknown as TemplateSrv));

describe('the query editor', () => {
  it.each(QUERY_TYPES)('shows the editor of $type', async ({ type, label }) => {
    const query = { refId: 'A', queryType: type } as LibrumQuery;
    render(<QueryEditor query={query} datasource={datasource} onChange={jest.fn()} onRunQuery={jest.fn()} />);
    expect(screen.getByText(label)).toBeInTheDocument();
    const own = {
      search: 'Columns',
      aggregate: 'Group by',
      training: 'By',
      blocks: 'Live',
      health: 'Numbers',
      annotations: 'Mark',
    }[type];
    await waitFor(() => expect(screen.getAllByText(own).length).toBeGreaterThan(0));
  });

  it('says that the node is not to be asked', async () => {
    const away = {
      ...datasource,
      fields: () => Promise.reject({ data: { message: 'the node does not answer' } }),
    } as unknown as DataSource;
    render(
      <QueryEditor
        query={{ refId: 'A', queryType: 'search' }}
        datasource={away}
        onChange={jest.fn()}
        onRunQuery={jest.fn()}
      />
    );
    await waitFor(() => expect(screen.getByText(/the node does not answer/)).toBeInTheDocument());
  });

  it('completes fields, words, macros and variables', () => {
    const labels = suggestions(fields, ['job']).map(({ label }) => label);
    expect(labels).toEqual(expect.arrayContaining(['kind', 'AND', '$__timeFilter', '$job']));
    expect(suggestions(fields, [])[0]).toMatchObject({ insertText: 'kind:', documentation: 'what it is about' });
  });

  it('offers numbers of numbers', () => {
    expect(fieldsFor('avg', fields).map((f) => f.name)).toEqual(['time', 'accuracy']);
    expect(fieldsFor('cardinality', fields).map((f) => f.name)).toEqual(['kind']);
    expect(fieldsFor('count', fields)).toHaveLength(3);
  });
});
