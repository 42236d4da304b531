import React from 'react';
import type { EditorProps } from '../queryTypes';
import { HealthQuery } from '../types';
import { Choose } from './Pick';

/** Where the node stands now. */
export function HealthEditor({ query, onChange }: EditorProps<HealthQuery>) {
  return (
    <Choose
      label="Format"
      tooltip="Numbers are for stat panels and alerts"
      options={[
        { value: 'numbers', label: 'Numbers' },
        { value: 'table', label: 'Table' },
      ]}
      value={query.format ?? 'numbers'}
      onChange={(format) => onChange({ ...query, format })}
    />
  );
}
