import { compile, fillIn, literal, opsOf, quote } from './language';

describe('the builder', () => {
  it.each([
    [[], ''],
    [[{ field: 'kind', op: 'is', value: 'job' }], 'kind:job'],
    [[{ field: 'kind', op: 'is not', value: 'job' }], 'NOT kind:job'],
    [[{ field: 'height', op: '>=', value: '7' }], 'height>=7'],
    [[{ field: 'job', op: 'begins with', value: 'ab' }], 'job:ab*'],
    [[{ field: 'reason', op: 'exists' }], 'reason:*'],
    [[{ field: 'job', op: 'is', value: '$job' }], '$__in(job, $job)'],
    [[{ field: 'job', op: 'is not', value: '${job}' }], 'NOT $__in(job, ${job})'],
    [[{ field: 'text', op: 'is', value: 'two words' }], 'text:"two words"'],
    [
      [
        { field: 'kind', op: 'is', value: 'round' },
        { field: 'state', op: 'is', value: '' },
        { field: '', op: 'is', value: 'x' },
        { field: 'accuracy', op: '>', value: '0.5' },
      ],
      'kind:round AND accuracy>0.5',
    ],
  ] as const)('writes %j as %s', (filters, want) => {
    expect(compile([...filters])).toBe(want);
  });

  it('lets no value be read as language', () => {
    const hostile = 'x" OR kind:* OR "\\';
    expect(literal(hostile)).toBe('"x\\" OR kind:* OR \\"\\\\"');
    expect(compile([{ field: 'id', op: 'is', value: hostile }])).toBe(`id:${quote(hostile)}`);
    expect(fillIn([hostile, 'b'])).toBe(`${quote(hostile)},"b"`);
    expect(fillIn('a')).toBe('"a"');
  });

  it('offers what fits the field', () => {
    expect(opsOf({ name: 'height', type: 'integer', doc: '' })).toContain('>=');
    expect(opsOf({ name: 'kind', type: 'keyword', doc: '' })).not.toContain('>=');
    expect(opsOf({ name: 'public', type: 'flag', doc: '' })).toEqual(['is', 'exists']);
    expect(opsOf(undefined)).toContain('is');
  });
});
