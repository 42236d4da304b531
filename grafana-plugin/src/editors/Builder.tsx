import { AsyncSelect, Button, InlineField, Select } from '@grafana/ui';
import { getTemplateSrv } from '@grafana/runtime';
import React from 'react';
import { DataSource } from '../datasource';
import { opsOf } from '../language';
import { Field, Filter } from '../types';
import { asOptions } from './Pick';

interface Props {
  filters: Filter[];
  fields: Field[];
  datasource: DataSource;
  onChange: (filters: Filter[]) => void;
}

/** Conditions that all must hold. */
export function Builder({ filters, fields, datasource, onChange }: Props) {
  const set = (at: number, change: Partial<Filter>) =>
    onChange(filters.map((f, i) => (i === at ? { ...f, ...change } : f)));
  const values = async (field: string, typed: string) => {
    const variables = getTemplateSrv()
      .getVariables()
      .map((v) => ({ value: `$${v.name}`, label: `$${v.name}` }));
    const found = await datasource.values(field).catch(() => []); // one's own value can be written all the same
    return [...variables, ...found.map(({ text, value }) => ({ value, label: text }))].filter(({ label }) =>
      label.includes(typed)
    );
  };
  return (
    <>
      {filters.map((filter, i) => (
        <div key={i} style={{ display: 'flex' }}>
          <InlineField label={i === 0 ? 'Where' : 'and'} labelWidth={16}>
            <Select
              aria-label={`Field ${i + 1}`}
              width={24}
              options={fields.map((f) => ({ value: f.name, label: f.name, description: f.doc }))}
              value={filter.field || null}
              onChange={({ value }) => value && set(i, { field: value, op: 'is', value: '' })}
            />
          </InlineField>
          <Select
            aria-label={`Condition ${i + 1}`}
            width={16}
            options={asOptions(opsOf(fields.find((f) => f.name === filter.field)))}
            value={filter.op}
            onChange={({ value }) => value && set(i, { op: value as Filter['op'] })}
          />
          {filter.op !== 'exists' && (
            <AsyncSelect
              key={filter.field}
              aria-label={`Value ${i + 1}`}
              width={40}
              allowCustomValue
              defaultOptions
              cacheOptions
              loadOptions={(typed) => values(filter.field, typed)}
              value={filter.value ? { value: filter.value, label: filter.value } : null}
              onChange={(option) => set(i, { value: option?.value ?? '' })}
            />
          )}
          <Button
            aria-label={`Remove condition ${i + 1}`}
            icon="trash-alt"
            variant="secondary"
            fill="text"
            onClick={() => onChange(filters.filter((_, at) => at !== i))}
          />
        </div>
      ))}
      <InlineField label={filters.length === 0 ? 'Where' : ' '} labelWidth={16}>
        <Button
          icon="plus"
          variant="secondary"
          onClick={() => onChange([...filters, { field: 'kind', op: 'is', value: '' }])}
        >
          Add condition
        </Button>
      </InlineField>
    </>
  );
}
