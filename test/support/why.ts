export interface Why {
  subject: { type: string; id: string }; complete: boolean; missing: string[]; cut: boolean; code?: string;
  chain: { type: string; id: string; at: string; actor?: string; summary: string; data: Record<string, unknown> }[];
}
