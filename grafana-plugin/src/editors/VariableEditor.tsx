import { QueryEditorProps } from '@grafana/data';
import React from 'react';
import type { DataSource } from '../datasource';
import { LibrumOptions, LibrumQuery, VariableQuery } from '../types';
import { asOptions, Choose, PickOne, Text } from './Pick';
import { useLoaded } from './useLoaded';

type Props = QueryEditorProps<DataSource, LibrumQuery, LibrumOptions, VariableQuery>;

/** What a variable of a dashboard lists. */
export function VariableEditor({ query, datasource, onChange }: Props) {
  const { value: fields } = useLoaded(() => datasource.fields(), [], [datasource]);
  const of = query.of ?? 'jobs';
  return (
    <>
      <Choose
        label="List"
        options={[
          { value: 'jobs', label: 'Jobs' },
          { value: 'contracts', label: 'Contracts' },
          { value: 'accounts', label: 'Accounts' },
          { value: 'fields', label: 'Fields' },
          { value: 'values', label: 'Values of a field' },
        ]}
        value={of}
        onChange={(next) => onChange({ ...query, of: next })}
      />
      {of === 'values' && (
        <>
          <PickOne
            label="Field"
            options={asOptions(fields.filter((f) => f.type === 'keyword' || f.type === 'integer').map((f) => f.name))}
            value={query.field}
            onChange={(field) => onChange({ ...query, of, field })}
          />
          <Text
            label="Among"
            placeholder="kind:round"
            tooltip="A query; all documents if empty"
            value={query.query}
            onChange={(text) => onChange({ ...query, of, query: text })}
          />
        </>
      )}
    </>
  );
}
