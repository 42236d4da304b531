import { Field, Filter, FilterOp } from './types';

/** The macros that the back end expands. */
export const MACROS = [
  { name: '$__timeFilter', doc: 'narrow to the times of the panel here, and nowhere else' },
  { name: '$__timeFilter(field)', doc: 'the same by another field' },
  { name: '$__timeFrom', doc: 'where the panel begins, in ms' },
  { name: '$__timeTo', doc: 'where the panel ends, in ms' },
  { name: '$__interval', doc: 'the time between points' },
  { name: '$__interval_ms', doc: 'the same as a number of ms' },
  { name: '$__in(field, $variable)', doc: 'the field has one of the values of a variable' },
];

export const WORDS = ['AND', 'OR', 'NOT', 'TO'];

/** The conditions that make sense for a field. */
export function opsOf(field?: Field): FilterOp[] {
  switch (field?.type) {
    case 'integer':
    case 'number':
    case 'time':
    case 'amount':
      return ['is', 'is not', '>=', '>', '<=', '<', 'exists'];
    case 'flag':
      return ['is', 'exists'];
    default:
      return ['is', 'is not', 'begins with', 'exists'];
  }
}

/** A string of the query language, in which nothing is a sign. */
export function quote(text: string): string {
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"')}"`;
}

/** A value as it stands behind a field: bare where it is a plain word. */
export function literal(value: string): string {
  return /^[A-Za-z0-9_./+@-]+$/.test(value) ? value : quote(value);
}

const variable = /^\$(\w+|\{\w+(:\w+)?\})$/;

function condition({ field, op, value = '' }: Filter): string {
  if (op === 'exists') {
    return `${field}:*`;
  }
  if (variable.test(value)) {
    // A variable may hold several values, and is quoted when it is filled in.
    switch (op) {
      case 'is':
        return `$__in(${field}, ${value})`;
      case 'is not':
        return `NOT $__in(${field}, ${value})`;
      case 'begins with':
        return `${field}:${value}*`;
      default:
        return `${field}${op}${value}`;
    }
  }
  switch (op) {
    case 'is':
      return `${field}:${literal(value)}`;
    case 'is not':
      return `NOT ${field}:${literal(value)}`;
    case 'begins with':
      return `${field}:${literal(value)}*`;
    default:
      return `${field}${op}${literal(value)}`;
  }
}

/** The query that the builder's conditions make; half a condition is left out. */
export function compile(filters: Filter[]): string {
  return filters
    .filter((f) => f.field && (f.op === 'exists' || (f.value ?? '') !== ''))
    .map(condition)
    .join(' AND ');
}

/** How a variable is filled into a query: its values in quotes, so that none of them is read as language. */
export function fillIn(value: string | string[]): string {
  return (Array.isArray(value) ? value : [value]).map((v) => quote(String(v))).join(',');
}
