import React from 'react';
import type { EditorProps } from '../queryTypes';
import { BlocksQuery } from '../types';
import { asOptions, Choose, PickMany, Switch, Text } from './Pick';

const METRICS = ['height', 'blocks', 'transactions', 'size', 'block time'];

/** The blocks of the panel's times. */
export function BlocksEditor({ query, onChange }: EditorProps<BlocksQuery>) {
  const series = query.format !== 'table';
  return (
    <>
      <Choose
        label="Format"
        options={[
          { value: 'time_series', label: 'Time series' },
          { value: 'table', label: 'Table' },
        ]}
        value={query.format ?? 'time_series'}
        onChange={(format) => onChange({ ...query, format })}
      />
      {series && (
        <Switch
          id={`librum-stream-${query.refId}`}
          label="Live"
          tooltip="A point for each block, and those to come"
          value={query.stream ?? false}
          onChange={(stream) => onChange({ ...query, stream })}
        />
      )}
      {series && !query.stream && (
        <>
          <PickMany
            label="Numbers"
            placeholder="all"
            options={asOptions(METRICS)}
            value={query.metrics}
            onChange={(metrics) => onChange({ ...query, metrics })}
          />
          <Text
            label="Interval"
            placeholder="auto"
            value={query.interval}
            onChange={(interval) => onChange({ ...query, interval })}
          />
        </>
      )}
      {!series && (
        <Text
          label="Limit"
          number
          placeholder="100"
          value={query.limit?.toString()}
          onChange={(limit) => onChange({ ...query, limit: limit ? Number(limit) : undefined })}
        />
      )}
    </>
  );
}
