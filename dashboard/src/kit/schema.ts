/** The part of JSON Schema that the API's schemas use, as OpenAPI 3.0 writes it (`nullable`, `allOf`) and as 2020-12 does (`null` among the types, `$defs`). */
export interface Schema {
  type?: string | string[];
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  const?: unknown;
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  nullable?: boolean;
  description?: string;
  minimum?: number;
  maximum?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  default?: unknown;
  additionalProperties?: unknown;
  $ref?: string;
  $defs?: Record<string, Schema>;
}

/** `lotSize` as `Lot size`. */
export const titleOf = (name: string): string => {
  const words = name.replace(/^.*\./, '').replace(/([a-z])([A-Z])/g, '$1 $2').replaceAll('_', ' ').toLowerCase();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** Each `$ref` replaced by what it names. No schema of the API names itself; one that did would end as free JSON. */
export function withoutRefs(schema: Schema, above: Schema = schema, depth = 0): Schema {
  // A schema with names of its own may stand within another.
  const root = schema.$defs ? schema : above;
  if (depth > 20) return {};
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (value === null || typeof value !== 'object') return value;
    return withoutRefs(value as Schema, root, depth + 1);
  };
  const { $ref, $defs: _defs, ...beside } = schema;
  const named = $ref === undefined ? {} : withoutRefs($ref.replace(/^#\//, '').split('/').reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], root) as Schema ?? {}, root, depth + 1);
  return { ...named, ...Object.fromEntries(Object.entries(beside).map(([name, value]) => [name, walk(value)])) };
}

const isNull = ({ type, const: word, enum: words }: Schema): boolean => type === 'null' || word === null || (words?.length === 1 && words[0] === null);

/** Whether null is among what it takes, and the schema of the rest, in one spelling: no `nullable`, no `allOf`, no list of one alternative. */
export function plainOf(schema: Schema): { schema: Schema; isNullable: boolean } {
  const { nullable, allOf, oneOf, anyOf, ...own } = schema;
  let isNullable = nullable === true;
  let plain: Schema = own;
  const take = (part: Schema) => {
    const other = plainOf(part);
    isNullable ||= other.isNullable;
    plain = { ...other.schema, ...plain, ...(other.schema.properties && { properties: { ...other.schema.properties, ...plain.properties } }) };
  };
  for (const part of allOf ?? []) take(part);
  if (Array.isArray(plain.type)) {
    const types = plain.type.filter((type) => type !== 'null');
    isNullable ||= types.length < plain.type.length;
    const { type: _types, ...rest } = plain;
    plain = types.length === 1 ? { ...rest, type: types[0]! } : { ...rest, anyOf: types.map((type) => ({ type })) };
  }
  if (plain.enum?.includes(null)) {
    isNullable = true;
    plain = { ...plain, enum: plain.enum.filter((word) => word !== null) };
  }
  const choices = anyOf ?? oneOf;
  const real = choices?.filter((each) => !isNull(each));
  if (choices && real) {
    isNullable ||= real.length < choices.length;
    if (real.length === 1) take(real[0]!);
    else plain = { ...plain, anyOf: real };
  }
  return { schema: plain, isNullable };
}

export type Kind = 'words' | 'switch' | 'whole' | 'number' | 'decimal' | 'text' | 'instant' | 'day' | 'object' | 'record' | 'wordList' | 'textList' | 'list' | 'alternatives' | 'json';

/** How a plain schema is asked for. A decimal may be told as text or as number, and is asked for as text: a number would lose digits. */
export function kindOf(schema: Schema): Kind {
  if (schema.enum || schema.const !== undefined) return 'words';
  if (schema.anyOf) return kindOfChoices(schema.anyOf);
  switch (schema.type) {
    case 'boolean': return 'switch';
    case 'integer': return 'whole';
    case 'number': return 'number';
    case 'array': return schema.items ? kindOfList(plainOf(schema.items).schema) : 'json';
    case 'object': return schema.properties ? 'object' : isTyped(schema.additionalProperties) ? 'record' : 'json';
    case 'string': return schema.format === 'date-time' ? 'instant' : schema.format === 'date' ? 'day' : 'text';
    default: return schema.properties ? 'object' : 'json';
  }
}

function kindOfChoices(choices: Schema[]): Kind {
  const kinds = choices.map((choice) => kindOf(plainOf(choice).schema));
  if (kinds.length === 2 && kinds.some((kind) => kind === 'number' || kind === 'whole')) {
    if (kinds.includes('instant')) return 'instant';
    if (kinds.includes('text')) return kinds.includes('number') ? 'decimal' : 'text';
  }
  return 'alternatives';
}

const kindOfList = (items: Schema): Kind => {
  const kind = kindOf(items);
  return kind === 'words' && items.enum ? 'wordList' : kind === 'text' || kind === 'day' ? 'textList' : 'list';
};

const isTyped = (schema: unknown): schema is Schema => schema !== null && typeof schema === 'object' && Object.keys(schema).length > 0;

/** What a record's values are. */
export const valuesOf = (schema: Schema): Schema => (isTyped(schema.additionalProperties) ? schema.additionalProperties : {});

export const tagOf = ({ const: word, enum: words }: Schema): unknown => (word !== undefined ? word : words?.length === 1 ? words[0] : undefined);

/** Of an alternative: its tag, or what it holds. */
export function choiceName(schema: Schema): string {
  const { schema: plain } = plainOf(schema);
  const tag = Object.values(plain.properties ?? {}).map(tagOf).find((each) => each !== undefined);
  const names = Object.keys(plain.properties ?? {});
  if (tag !== undefined) return titleOf(String(tag));
  if (names.length > 0) return names.map(titleOf).join(', ');
  if (plain.enum) return plain.enum.join(', ');
  return { decimal: 'A number', text: 'Text', instant: 'A time', list: 'A list', textList: 'A list', wordList: 'A list', json: 'Free JSON', record: 'Names and values', switch: 'Yes or no' }[kindOf(plain) as string] ?? titleOf(kindOf(plain));
}

/** Which of the alternatives a value is one of; -1 for none. */
export function alternativeOf(choices: readonly Schema[], value: unknown): number {
  return value === undefined ? -1 : choices.findIndex((choice) => fits(plainOf(choice).schema, value));
}

function fits(schema: Schema, value: unknown): boolean {
  if (schema.enum) return schema.enum.includes(value);
  if (schema.const !== undefined) return schema.const === value;
  switch (kindOf(schema)) {
    case 'decimal': case 'instant': return typeof value === 'string' || typeof value === 'number';
    case 'whole': case 'number': return typeof value === 'number';
    case 'switch': return typeof value === 'boolean';
    case 'list': case 'textList': case 'wordList': return Array.isArray(value);
    case 'alternatives': return alternativeOf(schema.anyOf ?? [], value) >= 0;
    case 'object': {
      if (!isObject(value)) return false;
      const properties = schema.properties ?? {};
      return Object.keys(value).every((name) => name in properties) && Object.entries(properties).every(([name, each]) => tagOf(each) === undefined || value[name] === tagOf(each));
    }
    case 'record': case 'json': return isObject(value);
    default: return typeof value === 'string';
  }
}

const isObject = (value: unknown): value is Record<string, unknown> => value !== null && typeof value === 'object' && !Array.isArray(value);

/** A value to begin with: tags and defaults are said, all else is asked for. */
export function blankOf(given: Schema): unknown {
  const { schema } = plainOf(given);
  if (schema.default !== undefined) return schema.default;
  if (tagOf(schema) !== undefined) return tagOf(schema);
  switch (kindOf(schema)) {
    case 'alternatives': return blankOf(schema.anyOf![0]!);
    case 'object': return Object.fromEntries(Object.entries(schema.properties ?? {}).flatMap(([name, each]) => (tagOf(each) !== undefined || each.default !== undefined ? [[name, each.default ?? tagOf(each)]] : [])));
    case 'list': case 'textList': case 'wordList': return [];
    case 'record': case 'json': return {};
    case 'switch': return false;
    case 'words': return schema.enum?.[0];
    default: return '';
  }
}
