/** What an expression of PromQL asks for. */
export interface Asked {
  metrics: { name: string; matchers: { label: string; op: string; value: string }[] }[];
  /** Named in `by (…)`, `without (…)`, `on (…)`, `ignoring (…)`, `group_left (…)`. */
  grouped: string[];
}

const KEYWORDS = new Set(['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan', 'atan2', 'start', 'end']);
const GROUPING = new Set(['by', 'without', 'on', 'ignoring', 'group_left', 'group_right']);
const FUNCTIONS = new Set([
  'sum', 'min', 'max', 'avg', 'count', 'topk', 'bottomk', 'quantile', 'stddev', 'rate', 'irate', 'increase', 'delta', 'deriv', 'changes', 'resets', 'histogram_quantile', 'absent', 'time', 'clamp_min', 'clamp_max',
  'max_over_time', 'min_over_time', 'avg_over_time', 'sum_over_time', 'last_over_time', 'round', 'abs', 'ceil', 'floor', 'scalar', 'vector', 'label_replace', 'sort_desc', 'sort',
]);
const TOKEN = /\s+|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\[[0-9a-z:]+\]|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?:[smhdwy])?\b|[a-zA-Z_:][a-zA-Z0-9_:]*|=~|!~|!=|==|>=|<=|[-+*/%^<>=(){},]/gy;

/** The names of metrics with their matchers, and the labels that are grouped by. @throws when it is none, as far as this looks: brackets, functions, matchers */
export function asked(expression: string): Asked {
  const tokens = tokensOf(expression);
  const found: Asked = { metrics: [], grouped: [] };
  const open: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const [token = '', next] = [tokens[i], tokens[i + 1]];
    if (token === '(') open.push(token);
    else if (token === ')') {
      if (open.pop() === undefined) throw new Error(`a bracket too many: ${expression}`);
    } else if (token === '{' || token === '}') throw new Error(`matchers without a metric: ${expression}`);
    else if (!/^[a-zA-Z_:]/.test(token) || KEYWORDS.has(token)) continue;
    else if (GROUPING.has(token)) {
      const end = tokens.indexOf(')', i);
      if (next !== '(' || end < 0) throw new Error(`${token} without labels: ${expression}`);
      found.grouped.push(...tokens.slice(i + 2, end).filter((each) => each !== ','));
      i = end;
    } else if (next === '(' || (FUNCTIONS.has(token) && GROUPING.has(next ?? ''))) {
      if (!FUNCTIONS.has(token)) throw new Error(`${token} is no function: ${expression}`);
    } else {
      const end = next === '{' ? tokens.indexOf('}', i) : i;
      if (end < 0) throw new Error(`a brace is not closed: ${expression}`);
      found.metrics.push({ name: token, matchers: matchersOf(tokens.slice(i + 2, end), expression) });
      i = end;
    }
  }
  if (open.length > 0) throw new Error(`a bracket is not closed: ${expression}`);
  if (found.metrics.length === 0) throw new Error(`no metric: ${expression}`);
  return found;
}

function tokensOf(expression: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < expression.length) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(expression);
    if (!match) throw new Error(`not understood: ${expression.slice(at)}`);
    if (match[0].trim() !== '') tokens.push(match[0]);
  }
  return tokens;
}

function matchersOf(tokens: string[], expression: string) {
  const matchers: Asked['metrics'][number]['matchers'] = [];
  for (let i = 0; i < tokens.length; i += 4) {
    const [label = '', op = '', value = '', comma = ','] = tokens.slice(i, i + 4);
    if (!/^[a-zA-Z_]\w*$/.test(label) || !/^(=|!=|=~|!~)$/.test(op) || !/^["']/.test(value) || comma !== ',') throw new Error(`no matcher: ${tokens.slice(i).join(' ')} in ${expression}`);
    matchers.push({ label, op, value: value.slice(1, -1).replace(/\\(.)/g, '$1') });
  }
  return matchers;
}
