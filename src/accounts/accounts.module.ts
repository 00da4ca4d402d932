import { Module } from '@nestjs/common';
import { IncidentsModule } from '../incidents/incidents.module.js';
import { AccountDaysController } from './account-days.controller.js';
import { AccountDaysRepository } from './account-days.repository.js';
import { AccountDaysService } from './account-days.service.js';
import { AccountReportsRepository } from './account-reports.repository.js';
import { AccountsController } from './accounts.controller.js';
import { AccountsRepository } from './accounts.repository.js';
import { AccountsService } from './accounts.service.js';
import { CashFlowsController } from './cash-flows.controller.js';
import { CashFlowsRepository } from './cash-flows.repository.js';
import { CashFlowsService } from './cash-flows.service.js';
import { UnexplainedRepository } from './unexplained.repository.js';
import { UnexplainedService } from './unexplained.service.js';

@Module({
  imports: [IncidentsModule],
  controllers: [AccountsController, CashFlowsController, AccountDaysController],
  providers: [AccountsRepository, AccountsService, CashFlowsRepository, CashFlowsService, AccountDaysRepository, AccountReportsRepository, AccountDaysService, UnexplainedRepository, UnexplainedService],
  exports: [AccountsService, AccountDaysService],
})
export class AccountsModule {}
