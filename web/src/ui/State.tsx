import { Badge, type MantineColor } from "@mantine/core";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Schema } from "@/api/client";

export type MessageState = Schema<"Message">["state"];
export type CampaignStatus = Schema<"Campaign">["status"];
type RunStatus = Schema<"Run">["status"];
type ChannelStatus = Schema<"Channel">["status"];
type HealthState = Schema<"ProviderHealth">["state"];

/** Shades dark enough for white letters (WCAG 2.2, 1.4.3). */
const colors = { quiet: "gray.7", busy: "cyan.9", good: "green.9", warn: "orange.9", bad: "red" } as const;

const states: Record<MessageState, keyof typeof colors> = {
  pending: "quiet",
  queued: "quiet",
  sending: "busy",
  sent: "good",
  delivered: "good",
  read: "good",
  failed: "bad",
  rejected: "bad",
  skipped: "warn",
  canceled: "warn",
  unknown: "bad",
};

/** A word with the color of what it means. */
export function Tint({ as, children }: { as: keyof typeof colors; children: ReactNode }) {
  return (
    <Badge variant="filled" color={colors[as]} miw="max-content">
      {children}
    </Badge>
  );
}

/** The color of a message's state, for bars and the like. */
const stateColor = (state: MessageState): MantineColor => colors[states[state]];

const statuses: Record<CampaignStatus | RunStatus, keyof typeof colors> = {
  draft: "quiet",
  scheduled: "busy",
  running: "busy",
  paused: "warn",
  finished: "good",
  canceled: "warn",
  failed: "bad",
  waiting: "quiet",
  planning: "busy",
  sending: "busy",
  skipped: "warn",
};

export function StateBadge({ state }: { state: MessageState }) {
  const { t } = useTranslation();
  return (
    <Badge variant="filled" color={stateColor(state)}>
      {t(`message.state.${state}`)}
    </Badge>
  );
}

export function CampaignBadge({ status }: { status: CampaignStatus }) {
  const { t } = useTranslation();
  return (
    <Badge variant="filled" color={colors[statuses[status]]}>
      {t(`campaign.status.${status}`)}
    </Badge>
  );
}

export function RunBadge({ status }: { status: RunStatus }) {
  const { t } = useTranslation();
  return (
    <Badge variant="filled" color={colors[statuses[status]]}>
      {t(`run.status.${status}`)}
    </Badge>
  );
}

const channels: Record<ChannelStatus, keyof typeof colors> = { active: "good", paused: "warn", stopped: "bad" };

export function ChannelBadge({ status }: { status: ChannelStatus }) {
  const { t } = useTranslation();
  return (
    <Badge variant="filled" color={colors[channels[status]]} miw="max-content">
      {t(`channel.status.${status}`)}
    </Badge>
  );
}

const healths: Record<HealthState, keyof typeof colors> = { ok: "good", degraded: "bad", held: "warn", stopped: "bad" };

export function HealthBadge({ state }: { state: HealthState }) {
  const { t } = useTranslation();
  return (
    <Badge variant="filled" color={colors[healths[state]]} miw="max-content">
      {t(`channel.health.${state}`)}
    </Badge>
  );
}
