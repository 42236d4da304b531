import React from 'react';
import type { EditorProps } from '../queryTypes';
import { SearchQuery } from '../types';
import { asOptions, Choose, PickMany, PickOne, Text } from './Pick';
import { QueryText } from './QueryText';
import { useLoaded } from './useLoaded';

/** Documents as rows or as lines of a log. */
export function SearchEditor({ query, datasource, onChange }: EditorProps<SearchQuery>) {
  const { value: fields } = useLoaded(() => datasource.fields(), [], [datasource]);
  const names = asOptions(fields.map((f) => f.name));
  const sortable = asOptions(fields.filter((f) => f.type !== 'text' && !f.many).map((f) => f.name));
  return (
    <>
      <QueryText query={query} datasource={datasource} onChange={onChange} />
      <Choose
        label="Format"
        options={[
          { value: 'table', label: 'Table' },
          { value: 'logs', label: 'Logs' },
        ]}
        value={query.format ?? 'table'}
        onChange={(format) => onChange({ ...query, format })}
      />
      {query.format !== 'logs' && (
        <PickMany
          label="Columns"
          placeholder="those that the rows have"
          options={names}
          value={query.columns}
          onChange={(columns) => onChange({ ...query, columns })}
        />
      )}
      <PickOne
        label="Sort by"
        placeholder="time"
        options={sortable}
        value={query.sort}
        onChange={(sort) => onChange({ ...query, sort })}
      />
      <Choose
        label="Order"
        options={[
          { value: 'desc', label: 'Newest or largest first' },
          { value: 'asc', label: 'Oldest or smallest first' },
        ]}
        value={query.order ?? 'desc'}
        onChange={(order) => onChange({ ...query, order })}
      />
      <Text
        label="Limit"
        number
        placeholder="100"
        value={query.limit?.toString()}
        onChange={(limit) => onChange({ ...query, limit: limit ? Number(limit) : undefined })}
      />
    </>
  );
}
