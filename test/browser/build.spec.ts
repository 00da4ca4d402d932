import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';

const BUILT = join('dist', 'dashboard');
const ASSETS = join(BUILT, 'assets');
const all = readdirSync(ASSETS);
const read = (name: string) => readFileSync(join(ASSETS, name), 'utf8');
/** As browsers get it over https; over plain http they take gzip, which is a sixth more. */
const compressed = (names: string[]) => names.reduce((sum, name) => sum + brotliCompressSync(read(name)).length, 0);

describe('the built page', () => {
  const scripts = all.filter((name) => name.endsWith('.js'));

  it('is at most 250 kB of JavaScript compressed, and what is read first at most 130', () => {
    const first = [...readFileSync(join(BUILT, 'index.html'), 'utf8').matchAll(/assets\/([\w-]+\.js)/g)].map(([, name = '']) => name);
    expect(first.length).toBeGreaterThan(0);
    expect(compressed(scripts)).toBeLessThanOrEqual(250_000);
    expect(compressed(first)).toBeLessThanOrEqual(130_000);
  });

  it('has each file compressed beside it, so that the server compresses nothing', () => {
    for (const name of all.filter((each) => /\.(js|css)$/.test(each))) expect(all).toEqual(expect.arrayContaining([`${name}.gz`, `${name}.br`]));
  });

  it('loads nothing from elsewhere and makes no code out of text', () => {
    const loads = /(?:src|href)="https?:|url\(["']?https?:|@import|new Function\(|\beval\(/;
    expect([...scripts, ...all.filter((name) => name.endsWith('.css'))].filter((name) => loads.test(read(name)))).toEqual([]);
    expect(readFileSync(join(BUILT, 'index.html'), 'utf8')).not.toMatch(/<script(?![^>]* src=)|<style|https?:/);
  });
});
