import type { Texts } from "..";
import calendar from "./calendar";
import campaign from "./campaign";
import campaigns from "./campaigns";
import channels from "./channels";
import common from "./common";
import contacts from "./contacts";
import experiment from "./experiment";
import flows from "./flows";
import home from "./home";
import lists from "./lists";
import messages from "./messages";
import queue from "./queue";
import reasons from "./reasons";
import session from "./session";
import settings from "./settings";
import statistics from "./statistics";
import targeting from "./targeting";
import templates from "./templates";
import webhooks from "./webhooks";

const de: Texts = {
  ...common,
  ...session,
  ...home,
  ...calendar,
  ...campaign,
  ...campaigns,
  ...channels,
  ...contacts,
  ...experiment,
  ...flows,
  ...lists,
  ...messages,
  ...queue,
  ...reasons,
  ...settings,
  ...statistics,
  ...targeting,
  ...templates,
  ...webhooks,
};

export default de;
