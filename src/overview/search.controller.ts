import { Controller, Get, Query } from '@nestjs/common';
import type { z } from 'zod';
import { Allow } from '../auth/access.js';
import { Answers } from '../common/http/answers.js';
import { searchQuery, searchSchema } from './search.schemas.js';
import { SearchService } from './search.service.js';

@Controller('search')
export class SearchController {
  constructor(private readonly service: SearchService) {}

  @Get()
  @Allow({ person: 'viewer' })
  @Answers(searchSchema)
  async find(@Query({ schema: searchQuery }) { q }: z.output<typeof searchQuery>) {
    return { items: await this.service.find(q) };
  }
}
