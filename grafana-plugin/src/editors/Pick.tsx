import { SelectableValue } from '@grafana/data';
import { InlineField, InlineSwitch, Input, MultiSelect, RadioButtonGroup, Select } from '@grafana/ui';
import React from 'react';

interface Labelled {
  label: string;
  tooltip?: string;
}

const WIDTH = 16;

type Options = Array<SelectableValue<string>>;

/** Options with those that are chosen and not in the list, such as variables. */
function withChosen(options: Options, chosen: string[]): Options {
  const missing = chosen.filter((value) => !options.some((option) => option.value === value));
  return [...options, ...missing.map((value) => ({ value, label: value }))];
}

export function asOptions(values: readonly string[]): Options {
  return values.map((value) => ({ value, label: value }));
}

/** One of several, or one's own. */
export function PickOne(
  props: Labelled & { options: Options; value?: string; placeholder?: string; onChange: (value?: string) => void }
) {
  return (
    <InlineField label={props.label} labelWidth={WIDTH} tooltip={props.tooltip}>
      <Select
        aria-label={props.label}
        width={40}
        isClearable
        allowCustomValue
        placeholder={props.placeholder}
        options={withChosen(props.options, props.value ? [props.value] : [])}
        value={props.value ?? null}
        onChange={(option) => props.onChange(option?.value || undefined)}
      />
    </InlineField>
  );
}

/** Any number of several, or one's own. */
export function PickMany(
  props: Labelled & { options: Options; value?: string[]; placeholder?: string; onChange: (value: string[]) => void }
) {
  return (
    <InlineField label={props.label} labelWidth={WIDTH} tooltip={props.tooltip} grow>
      <MultiSelect
        aria-label={props.label}
        allowCustomValue
        placeholder={props.placeholder}
        options={withChosen(props.options, props.value ?? [])}
        value={props.value ?? []}
        onChange={(options) => props.onChange(options.flatMap(({ value }) => (value ? [value] : [])))}
      />
    </InlineField>
  );
}

/** One of few. */
export function Choose<T extends string>(
  props: Labelled & { options: Array<SelectableValue<T>>; value: T; onChange: (value: T) => void }
) {
  return (
    <InlineField label={props.label} labelWidth={WIDTH} tooltip={props.tooltip}>
      <RadioButtonGroup options={props.options} value={props.value} onChange={props.onChange} />
    </InlineField>
  );
}

/** Yes or no. */
export function Switch(props: Labelled & { id: string; value: boolean; onChange: (value: boolean) => void }) {
  return (
    <InlineField label={props.label} labelWidth={WIDTH} tooltip={props.tooltip}>
      <InlineSwitch
        id={props.id}
        aria-label={props.label}
        value={props.value}
        onChange={(e) => props.onChange(e.currentTarget.checked)}
      />
    </InlineField>
  );
}

/** A text that is taken when it has been written. */
export function Text(
  props: Labelled & { value?: string; placeholder?: string; number?: boolean; onChange: (value?: string) => void }
) {
  const take = (text: string) => text !== (props.value ?? '') && props.onChange(text || undefined);
  return (
    <InlineField label={props.label} labelWidth={WIDTH} tooltip={props.tooltip}>
      <Input
        aria-label={props.label}
        width={20}
        type={props.number ? 'number' : 'text'}
        key={props.value /* a value from elsewhere begins anew */}
        defaultValue={props.value}
        placeholder={props.placeholder}
        onBlur={(e) => take(e.currentTarget.value)}
        onKeyDown={(e) => e.key === 'Enter' && take(e.currentTarget.value)}
      />
    </InlineField>
  );
}
