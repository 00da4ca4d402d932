import { ApiResponse } from '@nestjs/swagger';
import { z } from 'zod';

/** The schema of a handler's answer, for the OpenAPI document. */
export const Answers = (schema: z.ZodType, status = 200) =>
  ApiResponse({ status, standardSchema: schema as never, description: status === 201 ? 'Created' : status === 202 ? 'Accepted' : 'Done' });

/** Of calls that have nothing to say but that it is done. */
export const nothing = z.object({});
