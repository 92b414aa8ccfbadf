"""The four simulated stores: what stands in them, what fails, and how they live."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

from edge.simulator import outfit, traffic_outfit
from edge.simulator.outfit import Outfit
from edge.simulator.site import (
    AirZone,
    Cabinet,
    CheckoutHabits,
    Circuit,
    CountedZone,
    Door,
    Floor,
    Habits,
    LabelHabits,
    Names,
    Outage,
    ParkingHabits,
    PasserHabits,
    ScreenHabits,
    ShelfHabits,
    StorePlan,
    Tenant,
    TillHabits,
    TrafficHabits,
    Zone,
)

TIME_ZONE = "Asia/Shanghai"
_MOST_OF_THE_DAY = Outage(from_hour=3, to_hour=21)
_SHORTLY_AT_NIGHT = Outage(from_hour=1, to_hour=3)


def _points_and_devices(*outfits: Outfit) -> Outfit:
    return Outfit(
        tuple(point for each in outfits for point in each.points),
        tuple(device for each in outfits for device in each.devices),
    )


def supermarket(seed: int) -> StorePlan:
    """Return Simulated Store A."""
    store_id = "sim-store-a"
    zones = (
        Zone(f"{store_id}-hall", f"{store_id}-floor-0", Names("Sales hall", "卖场"), 900.0),
        Zone(f"{store_id}-fresh", f"{store_id}-floor-0", Names("Fresh food", "生鲜区"), 500.0),
        Zone(f"{store_id}-yard", f"{store_id}-floor-0", Names("Car park", "停车场"), 300.0),
    )
    hall, fresh, yard = (zone.zone_id for zone in zones)
    doors = (
        Door(f"{store_id}-door-1", hall, Names("Main door", "主入口"), perimeter=True, share=0.65),
        Door(f"{store_id}-door-2", yard, Names("Car park door", "停车场入口"), perimeter=True, share=0.35),
    )
    habits = Habits(
        traffic=TrafficHabits(visitors_per_day=2_600, stay_min=26.0, peak_hours=(10.5, 18.0)),
        circuits=(
            Circuit("lighting", 210.0, 9.0),
            Circuit("air-conditioning", 380.0, 7.0),
            Circuit("refrigeration", 520.0, 1.3),
        ),
        air_zones=(
            AirZone(f"{store_id}-air-hall", 2_700.0, 1_700.0, visitor_share=0.6, staff=8),
            AirZone(f"{store_id}-air-fresh", 1_500.0, 1_400.0, visitor_share=0.4, staff=6),
        ),
        shelves=ShelfHabits(units_full=18, units_sold_per_day=46.0, round_every_h=3.5),
        labels=LabelHabits(requests_per_day=900, failed_share=0.012, unanswered_share=0.008),
        cabinets=(
            Cabinet(f"{store_id}-chilled-1", 4.0, 3.0, excursions_per_day=4),
            Cabinet(f"{store_id}-chilled-2", 4.4, 4.6, excursions_per_day=5),
            Cabinet(f"{store_id}-frozen-1", -21.5, 2.4, excursions_per_day=3),
            Cabinet(f"{store_id}-frozen-2", -20.8, 4.4, excursions_per_day=3),
        ),
        parking=ParkingHabits(vacant_min=22.0, stay_min=38.0),
        screens=ScreenHabits(failures_per_day=0.7, play_s=15.0),
        checkout=CheckoutHabits(faults_per_day=1.2, baskets_per_day=260, items_per_basket=4.2),
    )
    equipment = _points_and_devices(
        outfit.doors(doors),
        outfit.shelves(store_id, hall, gateways=2, positions=5),
        outfit.labels(store_id, hall, count=2_400, timed=True),
        outfit.meters(store_id, hall, habits.circuits[:2], sub_meters=True),
        outfit.air(habits.air_zones, (hall, fresh)),
        outfit.cabinets(habits.cabinets, fresh),
        outfit.parking(store_id, yard, bays=8),
        outfit.screens(store_id, hall, count=2),
        outfit.checkouts(store_id, hall, count=2),
    )
    return StorePlan(
        store_id=store_id,
        seed=seed,
        agent_id=store_id,
        names=Names("Simulated Store A", "模拟商店甲"),
        format="supermarket",
        floor_area_m2=1_700.0,
        area_kind="sales",
        opens_at=time(9),
        closes_at=time(22),
        capacity=700,
        time_zone=TIME_ZONE,
        floors=(Floor(f"{store_id}-floor-0", 0, Names("Ground floor", "一层")),),
        zones=zones,
        tenants=(),
        doors=doors,
        points=equipment.points,
        devices=equipment.devices,
        habits=habits,
    )


def department_store(seed: int) -> StorePlan:
    """Return Simulated Store B."""
    store_id = "sim-store-b"
    zones = (
        Zone(f"{store_id}-ground", f"{store_id}-floor-0", Names("Ground floor", "一层"), 2_400.0),
        Zone(f"{store_id}-upper", f"{store_id}-floor-1", Names("Upper floor", "二层"), 2_200.0),
        Zone(f"{store_id}-promotion", f"{store_id}-floor-0", Names("Promotion area", "促销区"), 60.0),
        Zone(f"{store_id}-shoes", f"{store_id}-floor-1", Names("Shoes", "鞋区"), 140.0),
    )
    ground, upper, promotion, shoes = (zone.zone_id for zone in zones)
    doors = (
        Door(f"{store_id}-door-1", ground, Names("Front door", "正门"), perimeter=True, share=0.55),
        Door(f"{store_id}-door-2", ground, Names("Side door", "侧门"), perimeter=True, share=0.25),
        Door(f"{store_id}-door-3", ground, Names("Back door", "后门"), perimeter=True, share=0.20),
    )
    habits = Habits(
        traffic=TrafficHabits(visitors_per_day=3_200, stay_min=45.0, peak_hours=(14.0, 19.0)),
        circuits=(Circuit("lighting", 700.0, 12.0), Circuit("air-conditioning", 1_150.0, 10.0)),
        air_zones=(
            AirZone(f"{store_id}-air-ground", 9_600.0, 7_500.0, visitor_share=0.6, staff=20),
            AirZone(f"{store_id}-air-upper", 8_800.0, 5_500.0, visitor_share=0.4, staff=18),
        ),
        shelves=ShelfHabits(units_full=12, units_sold_per_day=14.0, round_every_h=4.0),
        passers=PasserHabits(passing_by_per_visitor=5.0),
        tills=TillHabits(tills=3, service_s=55.0, buying_share=0.3),
        counted_zones=(
            CountedZone(f"{store_id}-zone-promotion", visitor_share=0.35, stay_min=4.0),
            CountedZone(f"{store_id}-zone-shoes", visitor_share=0.2, stay_min=11.0),
        ),
    )
    air = outfit.air(habits.air_zones, (ground, upper))
    pausing = replace(air.devices[1], outage=_SHORTLY_AT_NIGHT)
    equipment = _points_and_devices(
        outfit.doors(doors),
        outfit.shelves(store_id, ground, gateways=2, positions=4),
        outfit.labels_without_gateway(store_id, ground, count=600),
        outfit.meters(store_id, ground, habits.circuits, sub_meters=False),
        Outfit(air.points, (air.devices[0], pausing)),
        traffic_outfit.pavement(store_id, ground),
        traffic_outfit.tills(store_id, ground, count=3),
        traffic_outfit.counted_zones(store_id, habits.counted_zones, (promotion, shoes)),
    )
    return StorePlan(
        store_id=store_id,
        seed=seed,
        agent_id=store_id,
        names=Names("Simulated Store B", "模拟商店乙"),
        format="department_store",
        floor_area_m2=4_600.0,
        area_kind="gross",
        opens_at=time(10),
        closes_at=time(22),
        capacity=2_000,
        time_zone=TIME_ZONE,
        floors=(
            Floor(f"{store_id}-floor-0", 0, Names("Ground floor", "一层")),
            Floor(f"{store_id}-floor-1", 1, Names("First floor above ground", "二层")),
        ),
        zones=zones,
        tenants=(),
        doors=doors,
        points=equipment.points,
        devices=equipment.devices,
        habits=habits,
    )


def convenience_store(seed: int) -> StorePlan:
    """Return Simulated Store C."""
    store_id = "sim-store-c"
    zones = (Zone(f"{store_id}-shop", f"{store_id}-floor-0", Names("Shop", "店面"), 110.0),)
    shop = zones[0].zone_id
    doors = (Door(f"{store_id}-door-1", shop, Names("Door", "店门"), perimeter=True, share=1.0),)
    habits = Habits(
        traffic=TrafficHabits(visitors_per_day=750, stay_min=5.0, peak_hours=(8.0, 18.5)),
        circuits=(Circuit("lighting", 22.0, 4.0), Circuit("refrigeration", 61.0, 1.2)),
        air_zones=(AirZone(f"{store_id}-air-shop", 330.0, 420.0, visitor_share=1.0, staff=2),),
        shelves=ShelfHabits(units_full=10, units_sold_per_day=24.0, round_every_h=3.0),
        labels=LabelHabits(requests_per_day=160, failed_share=0.02, unanswered_share=0.015),
        cabinets=(
            Cabinet(f"{store_id}-chilled-1", 4.2, 3.2, excursions_per_day=4),
            Cabinet(f"{store_id}-chilled-2", 4.6, 4.4, excursions_per_day=4),
            Cabinet(f"{store_id}-frozen-1", -20.5, 4.0, excursions_per_day=3),
        ),
    )
    equipment = _points_and_devices(
        outfit.doors(doors, _MOST_OF_THE_DAY),
        outfit.shelves(store_id, shop, gateways=1, positions=6),
        outfit.labels(store_id, shop, count=700),
        outfit.meters(store_id, shop, habits.circuits, sub_meters=False),
        outfit.air(habits.air_zones, (shop,)),
        outfit.cabinets(habits.cabinets, shop, _MOST_OF_THE_DAY),
    )
    return StorePlan(
        store_id=store_id,
        seed=seed,
        agent_id=store_id,
        names=Names("Simulated Store C", "模拟商店丙"),
        format="convenience_store",
        floor_area_m2=110.0,
        area_kind="sales",
        opens_at=time(7),
        closes_at=time(23),
        capacity=40,
        time_zone=TIME_ZONE,
        floors=(Floor(f"{store_id}-floor-0", 0, Names("Ground floor", "一层")),),
        zones=zones,
        tenants=(),
        doors=doors,
        points=equipment.points,
        devices=equipment.devices,
        habits=habits,
    )


def shopping_centre(seed: int) -> StorePlan:
    """Return Simulated Store D."""
    store_id = "sim-store-d"
    tenants = (
        Tenant(f"{store_id}-tenant-1", Names("Simulated Books", "模拟书店")),
        Tenant(f"{store_id}-tenant-2", Names("Simulated Noodles", "模拟面馆")),
    )
    zones = (
        Zone(f"{store_id}-mall", f"{store_id}-floor-0", Names("Mall", "中庭"), 6_000.0),
        Zone(f"{store_id}-court", f"{store_id}-floor-1", Names("Food court", "美食广场"), 3_000.0),
        Zone(f"{store_id}-books", f"{store_id}-floor-1", Names("Bookshop", "书店"), 400.0, tenants[0].tenant_id),
        Zone(f"{store_id}-noodles", f"{store_id}-floor-1", Names("Noodle shop", "面馆"), 150.0, tenants[1].tenant_id),
        Zone(f"{store_id}-garage", f"{store_id}-floor-b1", Names("Garage", "地下车库"), 2_500.0),
    )
    mall, court, books, _, garage = (zone.zone_id for zone in zones)
    doors = (
        Door(f"{store_id}-door-1", mall, Names("North door", "北门"), perimeter=True, share=0.40),
        Door(f"{store_id}-door-2", mall, Names("South door", "南门"), perimeter=True, share=0.30),
        Door(f"{store_id}-door-3", mall, Names("Metro door", "地铁口"), perimeter=True, share=0.20),
        Door(f"{store_id}-door-4", garage, Names("Garage door", "车库入口"), perimeter=True, share=0.10),
        Door(f"{store_id}-door-5", books, Names("Bookshop door", "书店门"), perimeter=False, share=0.15),
    )
    habits = Habits(
        traffic=TrafficHabits(visitors_per_day=9_000, stay_min=70.0, peak_hours=(12.5, 18.5)),
        circuits=(
            Circuit("lighting", 2_100.0, 8.0),
            Circuit("air-conditioning", 4_300.0, 9.0),
            Circuit("lifts", 650.0, 6.0),
        ),
        air_zones=(
            AirZone(f"{store_id}-air-mall", 30_000.0, 26_000.0, visitor_share=0.55, staff=60),
            AirZone(f"{store_id}-air-court", 12_000.0, 15_000.0, visitor_share=0.35, staff=40),
        ),
        parking=ParkingHabits(vacant_min=18.0, stay_min=95.0),
    )
    equipment = _points_and_devices(
        outfit.doors(doors),
        outfit.meters(store_id, mall, habits.circuits, sub_meters=True),
        outfit.air(habits.air_zones, (mall, court), off=(f"{store_id}-air-court",)),
        outfit.parking(store_id, garage, bays=12),
    )
    return StorePlan(
        store_id=store_id,
        seed=seed,
        agent_id=store_id,
        names=Names("Simulated Store D", "模拟商店丁"),
        format="shopping_centre",
        floor_area_m2=18_000.0,
        area_kind="gross",
        opens_at=time(10),
        closes_at=time(22),
        capacity=6_000,
        time_zone=TIME_ZONE,
        floors=(
            Floor(f"{store_id}-floor-b1", -1, Names("Basement", "地下一层")),
            Floor(f"{store_id}-floor-0", 0, Names("Ground floor", "一层")),
            Floor(f"{store_id}-floor-1", 1, Names("First floor above ground", "二层")),
        ),
        zones=zones,
        tenants=tenants,
        doors=doors,
        points=equipment.points,
        devices=equipment.devices,
        habits=habits,
    )
