import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { median, percentile, ratiosOf, spreadOf } from '../../bench/percentiles.js';
import { betweenMarkers, markdownTable } from '../../bench/table.js';

const upTo = (n: number) => Array.from({ length: n }, (_, i) => n - i);

describe('figures of a bench', () => {
  it('a percentile is the nearest rank, of values in any order', () => {
    expect(percentile(upTo(100), 0.99)).toBe(99);
    expect(percentile(upTo(100), 0.5)).toBe(50);
    expect(percentile(upTo(101), 0.99)).toBe(100);
    expect(percentile([10, 9], 0.99)).toBe(10);
    expect(percentile([7], 0)).toBe(7);
    expect(percentile([], 0.5)).toBeNaN();
  });

  it('a median is the middle one, or the mean of the two', () => {
    expect(median([10, 9, 100])).toBe(10);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  it('ratios are made round by round', () => {
    expect(ratiosOf([20, 10, 30], [10, 10, 10])).toEqual({ median: 2, least: 1, most: 3 });
    expect(spreadOf([1, 3])).toEqual({ median: 2, least: 1, most: 3 });
  });

  it('stand in a table that says what was missed', () => {
    const row = { what: 'a', ours: '1/s', peer: '2/s', ratio: '0.5', bar: '≥ 1', passed: false };
    expect(markdownTable([row, { ...row, passed: true }, { ...row, passed: null }]).split('\n').map((line) => line.split('|').at(-2)?.trim())).toEqual(['', '---', '**not met**', 'met', '']);
  });

  it('are written between their own markers, as they are, and nowhere else', () => {
    const text = 'x\n<!-- a -->\nold\n<!-- /a -->\n<!-- b -->\nold\n<!-- /b -->\ny';
    expect(betweenMarkers(text, 'a', "$& $1 new")).toBe('x\n<!-- a -->\n\n$& $1 new\n\n<!-- /a -->\n<!-- b -->\nold\n<!-- /b -->\ny');
    expect(() => betweenMarkers(text, 'c', '')).toThrow('<!-- c -->');
  });

  it('have a place in the README for every scenario', () => {
    const names = [...readFileSync('bench/run.ts', 'utf8').matchAll(/\{ name: '([\w-]+)', run: /g)].map(([, name]) => name ?? '');
    expect(names.length).toBeGreaterThan(4);
    for (const name of names) betweenMarkers(readFileSync('bench/README.md', 'utf8'), name, '');
  });
});
