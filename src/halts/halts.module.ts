import { Module } from '@nestjs/common';
import { HaltsRepository } from './halts.repository.js';

@Module({ providers: [HaltsRepository], exports: [HaltsRepository] })
export class HaltsModule {}
