import { ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';

/** The schema of a handler's answer, for the OpenAPI document. */
export const Answers = (schema: z.ZodType, status = 200) =>
  ApiResponse({ status, standardSchema: schema as never, description: SAID[status] ?? 'Done' });

const SAID: Record<number, string> = { 201: 'Created', 202: 'Accepted', 503: 'Unavailable' };

/** Of calls that have nothing to say but that it is done. */
export const nothing = z.object({});
