"""The teams of the company, as they are on its first day."""

from dataclasses import dataclass
from typing import Any, Final

PREFIX: Final = "halden-"
"""What the ids of its teams begin with."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A team to be made: of `size` people, `own_budgets` of them with a budget of their own."""

    slug: str
    alias: str
    description: str
    size: int
    models: tuple[str, ...]
    settings: dict[str, Any]
    own_budgets: int = 0
    service_keys: tuple[str, ...] = ()

    @property
    def team_id(self) -> str:
        return PREFIX + self.slug


SMALL, LARGE, CLAUDE, GEMINI = "gpt-4.1-mini", "gpt-4.1", "claude-sonnet-4-5", "gemini-2.5-pro"
EMBEDDING, SPEECH, OPEN = "text-embedding-3-large", "whisper-1", "mistral-large"

TEAMS: Final = (
    Plan(
        "platform",
        "Platform Engineering",
        "Runs the gateway, CI assistants and the internal developer portal",
        18,
        (LARGE, SMALL, CLAUDE, EMBEDDING),
        {
            "max_budget": 4000,
            "soft_budget": 3200,
            "budget_duration": "30d",
            "tpm_limit": 600_000,
            "rpm_limit": 3_000,
            "model_aliases": {"fast": SMALL, "smart": CLAUDE},
            "team_member_permissions": ["/key/generate", "/key/info", "/key/delete"],
        },
        service_keys=("ci-assistant", "developer-portal"),
    ),
    Plan(
        "search",
        "Search & Ranking",
        "Query understanding and reranking for the storefront",
        12,
        (LARGE, EMBEDDING),
        {"max_budget": 2500, "budget_duration": "1mo", "tpm_limit": 900_000, "rpm_limit": 6_000},
        own_budgets=2,
        service_keys=("reranker",),
    ),
    Plan(
        "support",
        "Customer Support Automation",
        "Drafts answers for agents, sorts tickets, summarises calls",
        24,
        (SMALL, CLAUDE, SPEECH),
        {
            "max_budget": 3000,
            "budget_duration": "7d",
            "team_member_budget": 60,
            "team_member_budget_duration": "1d",
            "team_member_rpm_limit": 60,
        },
        own_budgets=4,
        service_keys=("ticket-triage", "call-summaries"),
    ),
    Plan(
        "data-science",
        "Data Science",
        "Forecasts, experiments and notebooks",
        14,
        (LARGE, CLAUDE, GEMINI, OPEN),
        {
            "max_budget": 3500,
            "soft_budget": 3000,
            "budget_duration": "1mo",
            "team_member_budget": 300,
        },
        own_budgets=3,
        service_keys=("nightly-forecast",),
    ),
    Plan(
        "mobile",
        "Mobile Apps",
        "Assistant in the iOS and Android apps",
        13,
        (SMALL, SPEECH),
        {"max_budget": 1200, "budget_duration": "30d", "rpm_limit": 1_200},
        service_keys=("app-backend",),
    ),
    Plan(
        "marketing",
        "Marketing Content",
        "Campaign copy, product texts, pictures",
        16,
        (LARGE, GEMINI),
        {
            "max_budget": 900,
            "budget_duration": "1mo",
            "team_member_budget": 50,
            "model_aliases": {"copywriter": LARGE},
        },
        own_budgets=2,
    ),
    Plan(
        "legal",
        "Legal & Compliance",
        "Contract review; only models hosted in the EU",
        7,
        (OPEN,),
        {"max_budget": 600, "budget_duration": "1mo", "guardrails": ["no-personal-data"]},
    ),
    Plan(
        "security",
        "Security Operations",
        "Alert triage and phishing analysis",
        9,
        (CLAUDE, SMALL),
        {"max_budget": 1500, "soft_budget": 1200, "budget_duration": "7d", "tpm_limit": 300_000},
        service_keys=("alert-triage",),
    ),
    Plan(
        "finance",
        "Finance Analytics",
        "Invoices, month-end reports",
        8,
        (SMALL,),
        {"max_budget": 500, "budget_duration": "1mo", "team_member_tpm_limit": 20_000},
        service_keys=("invoice-reader",),
    ),
    Plan(
        "people",
        "People & Hiring",
        "Job descriptions and onboarding questions",
        8,
        (SMALL, GEMINI),
        {"max_budget": 300, "budget_duration": "1mo"},
        own_budgets=1,
    ),
    Plan(
        "research",
        "Applied Research",
        "Evaluations and fine-tuning; long contexts",
        11,
        (LARGE, CLAUDE, GEMINI, OPEN, EMBEDDING),
        {
            "max_budget": 6000,
            "soft_budget": 5000,
            "budget_duration": "3mo",
            "model_tpm_limit": {CLAUDE: 200_000},
        },
        own_budgets=3,
        service_keys=("evaluation-runner",),
    ),
    Plan(
        "contractors",
        "Contractor Sandbox",
        "Short-lived access for agencies",
        10,
        (SMALL,),
        {"max_budget": 150, "budget_duration": "1d", "team_member_budget": 10},
    ),
    Plan(
        "hackathon",
        "Spring Hackathon",
        "Two days, then it is gone",
        20,
        (SMALL, LARGE, CLAUDE),
        {"max_budget": 400, "budget_duration": "1d", "team_member_budget": 20},
        service_keys=("demo-stage",),
    ),
)
"""The last two come to an end: one is blocked, one is deleted."""

BORROWING: Final = {"hackathon": PREFIX + "platform"}
"""Teams of people from elsewhere, and whose admins they have."""

MARKER: Final = TEAMS[0]
"""The team whose metadata says of which seed the company is, and whether it is complete."""
