import { type ArgumentMetadata, type ExecutionContext, StandardSchemaValidationPipe } from '@nestjs/common';
import { ROUTE_ARGS_METADATA } from '@nestjs/common/constants.js';
import { RouteParamtypes } from '@nestjs/common/enums/route-paramtypes.enum.js';
import type { FastifyRequest } from 'fastify';
import { useFieldErrors } from '../field-errors.js';
import type { z } from 'zod';
import { Problem } from '../problem.js';

/** More messages than this help nobody; a batch of 1,000 bad items would answer megabytes. */
const ERRORS_SHOWN = 50;

interface Issue {
  message: string;
  code?: string;
  path?: readonly (PropertyKey | { key: PropertyKey })[];
  /** Of an unknown field, which the path does not name. */
  keys?: readonly string[];
}

/** Checks every body, query and parameter against the schema on its decorator, and answers all faults at once. */
export class RequestValidation extends StandardSchemaValidationPipe {
  constructor() {
    useFieldErrors();
    super({ exceptionFactory: (issues) => asProblem(issues as readonly Issue[]) });
  }

  override transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    if (metadata.type === 'query' || metadata.type === 'param') checkTexts(value);
    // No body at all is an empty one: a POST whose fields are all optional needs none.
    return super.transform((metadata.type === 'body' && value === undefined ? {} : value) as T, metadata);
  }

  /** Nothing is taken out silently: the body parser has refused such keys, and a query has no prototype. */
  protected override stripProtoKeys(): void {}
}

/** What the body parser checks of bodies: PostgreSQL stores neither. */
function checkTexts(values: unknown): void {
  const wrong = Object.entries(values ?? {}).filter(([, value]) => [value].flat().some((text) => typeof text === 'string' && (text.includes('\0') || !text.isWellFormed())));
  if (wrong.length > 0) throw asProblem(wrong.map(([name]) => ({ path: [name], message: 'must be valid Unicode without the NUL character' })));
}

/** Refuses query parameters and body fields for which a handler has no schema at all: they would be ignored in silence. */
export function refuseUnread(context: ExecutionContext): void {
  const { query, body, url } = context.switchToHttp().getRequest<FastifyRequest>();
  // Probes take what their callers hang on them.
  if (!url.startsWith('/api/')) return;
  const issues = [...unread(context, RouteParamtypes.QUERY, query), ...unread(context, RouteParamtypes.BODY, body)];
  if (issues.length > 0) throw asProblem(issues);
}

function unread(context: ExecutionContext, kind: RouteParamtypes, given: unknown): Issue[] {
  if (given === null || given === undefined) return [];
  const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, context.getClass(), context.getHandler().name) ?? {}) as object;
  if (Object.keys(args).some((arg) => arg.startsWith(`${kind}:`))) return [];
  if (typeof given !== 'object' || Array.isArray(given)) return [{ path: [], message: 'this request has no body' }];
  return Object.keys(given).map((key) => ({ keys: [key], message: '' }));
}

/** The same check for what lies within a request. @param place of it, for the paths of faults @throws {Problem} 400 */
export function parsed<T extends z.ZodType>(schema: T, value: unknown, place: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw asProblem((result.error.issues as readonly Issue[]).map((issue) => ({ ...issue, path: [place, ...(issue.path ?? [])] })));
}

function asProblem(issues: readonly Issue[]): Problem {
  const errors = onceEach(withoutEchoes(issues).flatMap(toErrors)).slice(0, ERRORS_SHOWN);
  const [first] = errors;
  const future = errors.some((error) => error.message.includes('TIME_IN_FUTURE'));
  const detail = first ? `${first.path ? `${first.path}: ` : ''}${first.message}` : 'The request is not valid.';
  return new Problem(400, future ? 'TIME_IN_FUTURE' : 'VALIDATION_FAILED', detail, { errors });
}

/** The length of what has the wrong type says nothing: a text in place of a list would have too many characters. */
function withoutEchoes(issues: readonly Issue[]): readonly Issue[] {
  const mistyped = new Set(issues.filter(({ code }) => code === 'invalid_type').map(placeOf));
  return issues.filter((issue) => issue.code === 'invalid_type' || !mistyped.has(placeOf(issue)) || issue.keys !== undefined);
}

/** A whole number above the limit is so twice, as a number and as one that JSON keeps. Neighbours only: they come together. */
const onceEach = (errors: { path: string; message: string }[]) =>
  errors.filter(({ path, message }, index) => errors[index - 1]?.path !== path || errors[index - 1]?.message !== message);

/** One for each field: unknown ones come together. */
export function toErrors(issue: Issue): { path: string; message: string }[] {
  const place = placeOf(issue);
  if (!issue.keys) return [{ path: place.slice(0, 200), message: issue.message.slice(0, 300) }];
  return issue.keys.map((key) => ({ path: (place ? `${place}.${key}` : key).slice(0, 200), message: 'is not a field of this request' }));
}

const placeOf = ({ path }: Issue): string => (path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
