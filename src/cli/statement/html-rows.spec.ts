import { describe, expect, it } from '@jest/globals';
import { htmlRows } from './html-rows.js';
import { expectWithin, timeOf } from '../../../test/support/timing.js';

const cells = (html: string) => [...htmlRows(html)].map((row) => row.cells);

describe('rows of HTML', () => {
  it.each<[string, string, string[][]]>([
    ['plain', '<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>', [['a', 'b'], ['c']]], ['nothing closed', '<TABLE><TR><TD>a<TD>b<TR><TD>c', [['a', 'b'], ['c']]],
    ['attributes with signs', '<tr><td title="x>y" class=\'<td>\'>a</td></tr>', [['a']]], ['comments, scripts and styles', '<!-- <tr><td>x --><script>"<tr><td>"</script><style>td > b {}</style><tr><td>a<!-- b -->c</td></tr>', [['ac']]],
    ['entities', '<tr><td>1&nbsp;234.5&#48;&#x31; &amp;lt; &unknown; &#0; &#xd800;</td></tr>', [['1 234.501 &lt; &unknown; &#0; &#xd800;']]], ['tags inside', '<tr><td><b>a</b><br>b</td></tr>', [['a b']]],
    ['columns taken together', '<tr><td colspan="3">a</td><td>b</td></tr>', [['a', '', '', 'b']]], ['a lone sign', '<tr><td>1 < 2</td></tr>', [['1 < 2']]], ['no table', 'text', []], ['an end in a tag', '<tr><td>a</td><td', [['a']]],
  ])('%s', (_what, html, expected) => {
    expect(cells(html)).toEqual(expected);
  });

  it('know their line, and whether they are titles', () => {
    expect([...htmlRows('<tr>\n<td>a</td>\n</tr>\n<tr><th>Deals</th></tr>')].map(({ line, isTitle }) => [line, isTitle])).toEqual([[3, false], [4, true]]);
  });

  it.each([['quotes that nobody closes', '<a "'], ['signs', '<'], ['cells', '<td>'], ['wide cells', '<td colspan=9999>'], ['comments', '<!--'], ['scripts', '<script>'], ['entities', '&#']])('take no longer for many %s', (_what, part) => expectWithin(10_000, () => timeOf(async () => {
    expect([...htmlRows(`<tr><td>${part.repeat(50_000)}`)].length).toBeLessThan(3);
  })));

  it('take no longer for standing in a single line', () => expectWithin(10_000, () => timeOf(async () => {
    expect([...htmlRows('<tr><td>a'.repeat(400_000))]).toHaveLength(400_000);
  })));
});
