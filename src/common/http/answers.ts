import { ApiResponse } from '@nestjs/swagger';
import type { z } from 'zod';

/** The schema of a handler's answer, for the OpenAPI document. */
export const Answers = (schema: z.ZodType, status = 200) => ApiResponse({ status, standardSchema: schema as never, description: '' });
