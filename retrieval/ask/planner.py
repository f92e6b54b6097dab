"""What every planner is, and which one plans for a profile."""

from __future__ import annotations

from typing import Protocol

from model.loading import Models
from retrieval.ask.plan import Plan
from retrieval.ask.rules import RulesPlanner


class Planner(Protocol):
    """Safe to use from several threads."""

    def plan(self, text: str) -> Plan:
        """Raises UsageError for an empty or over-long question, and one with broken characters."""
        ...


def load_planner(models: Models) -> Planner:
    """Builds no model: it is loaded with the first question."""
    if models.profile.decoder.planner == "model":
        from retrieval.ask.model_planner import ModelPlanner

        return ModelPlanner(models)
    return RulesPlanner()
