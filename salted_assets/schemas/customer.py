"""The customer dataset (`customers.csv`)."""

from salted_assets.schemas.base import DatasetTable, TableFacts, Text, text


class Customer(DatasetTable):
    """Customers as the export delivers them; the key is probably a contact of a customer."""

    pid: Text = text(
        "Customer ID; joins to `contact_pid` of an engagement. One person may have several.",
        key=True,
        personal="indirect",
    )
    external_id: Text = text("ID in the platform that the customer comes from.", personal="indirect")
    name: Text = text("Name of the customer: the current label, the ID is what stays.", personal="direct")
    link: Text = text("Link to the customer in the source platform.", personal="indirect")
    type: Text = text("Customer type; `Agent` marks a colleague in an internal conversation, `Organization` a company.")
    category: Text = text("Broad group, such as B2B or B2C.")
    segment: Text = text("Market segment.")
    organization: Text = text("Company that the person belongs to.", personal="indirect")
    region: Text = text("Region above countries, such as EMEA.")
    country: Text = text("Country of the customer, within the region.")
    state: Text = text("State of the customer, within the country.")

    class Config:
        metadata = {
            "salted": TableFacts("customer", "customers.csv", "version of a customer delivered by the day's export")
        }
