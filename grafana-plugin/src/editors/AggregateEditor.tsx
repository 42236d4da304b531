import { Button, InlineField, Input, Select } from '@grafana/ui';
import React from 'react';
import type { EditorProps } from '../queryTypes';
import { AggregateQuery, Field, Metric, MetricOp } from '../types';
import { asOptions, Choose, PickMany, Text } from './Pick';
import { QueryText } from './QueryText';
import { useLoaded } from './useLoaded';

const OPS: MetricOp[] = ['count', 'sum', 'min', 'max', 'avg', 'cardinality', 'percentiles'];

const NUMERIC = ['integer', 'number', 'amount', 'time'];

/** The fields that a number can be computed of. */
export function fieldsFor(op: MetricOp, fields: Field[]): Field[] {
  switch (op) {
    case 'count':
      return fields;
    case 'cardinality':
      return fields.filter((f) => f.type === 'keyword' || f.type === 'integer');
    default:
      return fields.filter((f) => NUMERIC.includes(f.type));
  }
}

/** Numbers over time or by group. */
export function AggregateEditor({ query, datasource, onChange }: EditorProps<AggregateQuery>) {
  const { value: fields } = useLoaded(() => datasource.fields(), [], [datasource]);
  const metrics: Metric[] = query.metrics?.length ? query.metrics : [{ op: 'count' }];
  const set = (at: number, change: Partial<Metric>) =>
    onChange({ ...query, metrics: metrics.map((m, i) => (i === at ? { ...m, ...change } : m)) });
  const series = query.format !== 'table';
  return (
    <>
      <QueryText query={query} datasource={datasource} onChange={onChange} />
      {metrics.map((metric, i) => (
        <div key={i} style={{ display: 'flex' }}>
          <InlineField label={i === 0 ? 'Numbers' : 'and'} labelWidth={16}>
            <Select
              aria-label={`Number ${i + 1}`}
              width={20}
              options={asOptions(OPS)}
              value={metric.op}
              onChange={({ value }) => value && set(i, { op: value as MetricOp, field: undefined, percent: undefined })}
            />
          </InlineField>
          <Select
            aria-label={`Of field ${i + 1}`}
            width={30}
            isClearable={metric.op === 'count'}
            placeholder={metric.op === 'count' ? 'all documents' : 'field'}
            options={fieldsFor(metric.op, fields).map((f) => ({ value: f.name, label: f.name, description: f.doc }))}
            value={metric.field ?? null}
            onChange={(option) => set(i, { field: option?.value })}
          />
          {metric.op === 'percentiles' && (
            <Input
              aria-label={`Percent ${i + 1}`}
              width={10}
              type="number"
              min={0.1}
              max={100}
              step={0.1}
              placeholder="50"
              defaultValue={metric.percent}
              onBlur={(e) => set(i, { percent: e.currentTarget.value ? Number(e.currentTarget.value) : undefined })}
            />
          )}
          <Button
            aria-label={`Remove number ${i + 1}`}
            icon="trash-alt"
            variant="secondary"
            fill="text"
            disabled={metrics.length === 1}
            onClick={() => onChange({ ...query, metrics: metrics.filter((_, at) => at !== i) })}
          />
        </div>
      ))}
      <InlineField label=" " labelWidth={16}>
        <Button
          icon="plus"
          variant="secondary"
          disabled={metrics.length >= 8}
          onClick={() => onChange({ ...query, metrics: [...metrics, { op: 'count' }] })}
        >
          Add number
        </Button>
      </InlineField>
      <PickMany
        label="Group by"
        tooltip={series ? 'One field over time' : 'One or two fields'}
        options={asOptions(fields.filter((f) => f.type === 'keyword' || f.type === 'integer').map((f) => f.name))}
        value={query.groupBy}
        onChange={(groupBy) => onChange({ ...query, groupBy: groupBy.slice(0, series ? 1 : 2) })}
      />
      <Text
        label="Groups"
        number
        placeholder="10"
        tooltip="Those with most documents"
        value={query.size?.toString()}
        onChange={(size) => onChange({ ...query, size: size ? Number(size) : undefined })}
      />
      <Choose
        label="Format"
        options={[
          { value: 'time_series', label: 'Time series' },
          { value: 'table', label: 'Table' },
        ]}
        value={query.format ?? 'time_series'}
        onChange={(format) =>
          onChange({ ...query, format, groupBy: format === 'time_series' ? query.groupBy?.slice(0, 1) : query.groupBy })
        }
      />
      {series && (
        <Text
          label="Interval"
          placeholder="auto"
          tooltip="Between points: a number with ms, s, m, h, d or w"
          value={query.interval}
          onChange={(interval) => onChange({ ...query, interval })}
        />
      )}
    </>
  );
}
