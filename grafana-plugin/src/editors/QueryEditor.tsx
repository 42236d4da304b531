import { QueryEditorProps } from '@grafana/data';
import { InlineField, Select } from '@grafana/ui';
import React from 'react';
import { DataSource } from '../datasource';
import { QUERY_TYPES } from '../queryTypes';
import { LibrumOptions, LibrumQuery, QueryType } from '../types';

type Props = QueryEditorProps<DataSource, LibrumQuery, LibrumOptions>;

/** Chooses the query type and shows its editor. */
export function QueryEditor({ query, datasource, onChange, onRunQuery }: Props) {
  const entry = QUERY_TYPES.find(({ type }) => type === query.queryType) ?? QUERY_TYPES[0];
  const change = (next: LibrumQuery) => {
    onChange(next);
    onRunQuery();
  };
  const choose = (queryType: QueryType) => {
    // Nothing but what Grafana keeps itself carries over: the types share no form.
    const { refId, datasource: uid, hide, key } = query;
    change({ refId, datasource: uid, hide, key, queryType } as LibrumQuery);
  };
  const Editor = entry.editor;
  return (
    <>
      <InlineField label="Query type" labelWidth={16}>
        <Select
          inputId={`librum-type-${query.refId}`}
          aria-label="Query type"
          width={40}
          options={QUERY_TYPES.map(({ type, label, description }) => ({ value: type, label, description }))}
          value={entry.type}
          onChange={({ value }) => value && choose(value)}
        />
      </InlineField>
      <Editor query={{ ...query, queryType: entry.type }} datasource={datasource} onChange={change} />
    </>
  );
}
