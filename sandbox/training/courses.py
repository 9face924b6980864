"""What the federal marketplace's courses are called, for the pages on which people take them."""

from typing import Literal

CurriculumId = Literal["individual_returning", "individual_full", "shop"]

COURSE_TITLES: dict[str, dict[str, str]] = {
    "en": {
        "individual_returning": "Marketplace training for returning agents and brokers",
        "individual_full": "Individual Marketplace training, complete",
        "shop": "SHOP training",
    },
    "es": {
        "individual_returning": "Capacitación en el Mercado para agentes y corredores que regresan",
        "individual_full": "Capacitación completa en el Mercado Individual",
        "shop": "Capacitación de SHOP",
    },
}
PAGE_WORDS = {
    "en": {
        "course": "Course",
        "plan_year": "Plan year",
        "progress": "Progress",
        "not_started": "not started",
        "started": "started",
        "completed": "completed",
        "start": "Start the course",
        "complete": "Complete the course",
    },
    "es": {
        "course": "Curso",
        "plan_year": "Año del plan",
        "progress": "Avance",
        "not_started": "sin comenzar",
        "started": "comenzado",
        "completed": "completado",
        "start": "Comenzar el curso",
        "complete": "Completar el curso",
    },
}
