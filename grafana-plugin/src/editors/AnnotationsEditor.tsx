import React from 'react';
import type { EditorProps } from '../queryTypes';
import { AnnotationsQuery } from '../types';
import { JobsPick } from './JobsPick';
import { Choose } from './Pick';

/** Marks on other panels. */
export function AnnotationsEditor({ query, datasource, onChange }: EditorProps<AnnotationsQuery>) {
  const what = query.what ?? 'rounds';
  return (
    <>
      <Choose
        label="Mark"
        options={[
          { value: 'rounds', label: 'Rounds' },
          { value: 'blocks', label: 'Blocks' },
        ]}
        value={what}
        onChange={(next) => onChange({ ...query, what: next })}
      />
      {what === 'rounds' && (
        <JobsPick datasource={datasource} jobs={query.jobs} onChange={(jobs) => onChange({ ...query, jobs })} />
      )}
    </>
  );
}
