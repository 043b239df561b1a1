from django.contrib import admin

from clinic.models import Patient


@admin.register(Patient)
class PatientAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("id", "name", "ssn")
    fields = ("name", "ssn", "history", "email")
