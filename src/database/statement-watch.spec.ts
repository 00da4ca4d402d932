import { describe, expect, it } from '@jest/globals';
import { during } from '../common/work.js';
import { shownStatement, StatementWatch } from './statement-watch.js';

describe('a statement that is shown', () => {
  it.each([
    [`select  1\n   from x`, 'select 1 from x'],
    [`alter role x password 'it''s secret' valid until 'never'`, `alter role x password '…' valid until '…'`],
    [`do $$ begin perform 'secret'; end $$`, 'do $…$'],
    [`select $tag$ secret $tag$, $1`, 'select $…$, $1'],
    [`select $1, $2 from x where y = $3`, 'select $1, $2 from x where y = $3'],
    [`x${'y'.repeat(400)}`, `x${'y'.repeat(299)}…`],
  ])('is one line, without what stands between quotes: %s', (text, shown) => expect(shownStatement(text)).toBe(shown));
});

describe('the watch', () => {
  it('knows what runs and whose it is, tells of each once, and forgets connections that have ended', () => {
    const watch = new StatementWatch();
    const heard: [string, string | undefined][] = [];
    watch.onEnd(({ text, work }) => heard.push([text, work?.caller]));
    const statement = during({ caller: 'GET /x', correlationId: 'one' }, () => watch.begin('select 1', 7));
    const nobodys = watch.begin('select 2', 8);
    expect([...watch.running]).toEqual([statement, nobodys]);
    expect([watch.lastOf(7)?.correlationId, watch.lastOf(8)]).toEqual(['one', undefined]);
    for (const each of [statement, statement, nobodys]) watch.end(each);
    expect([...watch.running]).toEqual([]);
    expect(heard).toEqual([['select 1', 'GET /x'], ['select 2', undefined]]);
    watch.forget(7);
    expect(watch.lastOf(7)).toBeUndefined();
  });
});
