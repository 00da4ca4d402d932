import { Module } from '@nestjs/common';
import { AccountsController } from './accounts.controller.js';
import { AccountsRepository } from './accounts.repository.js';
import { AccountsService } from './accounts.service.js';
import { CashFlowsController } from './cash-flows.controller.js';
import { CashFlowsRepository } from './cash-flows.repository.js';
import { CashFlowsService } from './cash-flows.service.js';

@Module({
  controllers: [AccountsController, CashFlowsController],
  providers: [AccountsRepository, AccountsService, CashFlowsRepository, CashFlowsService],
  exports: [AccountsService],
})
export class AccountsModule {}
